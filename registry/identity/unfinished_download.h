#pragma once

#include <string>
#include <vector>

namespace ditmill::registry {

/// What a download of a file has left that is not done: a control file beside it (`NAME.aria2`, `NAME.part`,
/// ...), or a part of it where huggingface_hub or modelscope keep those, below a folder above. The path may
/// be of nothing. Empty if there is none.
std::string control_file_of(const std::string& path);
/// Throws Error(bad_input) naming the file and its control file, if there is one: what is at the path may
/// have its full size and not all of its bytes.
void refuse_unfinished(const std::string& path);
/// Control files of downloads of weights in a folder, for a message that misses some.
std::vector<std::string> control_files_in(const std::string& folder);
/// What to say of missing weights in a folder: which downloads have not finished; empty if none is known of.
std::string unfinished_hint(const std::string& folder);

}  // namespace ditmill::registry
