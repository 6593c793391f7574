#pragma once

#include <span>
#include <string>
#include <string_view>

namespace ditmill::jobs::durable {

/// Makes a finished temporary file the real one: fsync, rename, fsync of the folder. After it returns, the file
/// survives a crash; if it throws, the old file (if any) is still whole.
void publish(const std::string& temp_path, const std::string& path);
/// Writes a whole file that way (`path`.tmp beside it). Throws Error: io, no_space.
void write_file(const std::string& path, std::string_view text);
/// Reads a whole file. Throws Error: not_found, io.
std::string read_file(const std::string& path);
void sync_folder(const std::string& path);

}  // namespace ditmill::jobs::durable
