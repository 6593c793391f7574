#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "jobs/results/files/durable.h"

namespace ditmill::jobs::watch {

/// JSON that can stand in a <script> element: no `<` in it, bytes that are not UTF-8 as U+FFFD.
std::string script_json(const nlohmann::json& data);
/// Text that can stand between tags.
std::string html_text(std::string_view text);
std::string base64(std::string_view bytes);

/// Writes the page of jobs/watch/report/page as a stream: its frame, style and script at once, then the
/// items' data as they come. What the browser runs is the script of that folder alone: the page's policy
/// names its hash. The page is written beside its place and renamed into it by finish(); until then, and if
/// anything throws, an older page stays.
class PageWriter {
 public:
  /// `overview` is what the page shows before the items. Throws Error: io, no_space, not_found (no such
  /// folder).
  PageWriter(std::string path, const std::string& title, const nlohmann::json& overview);
  PageWriter(const PageWriter&) = delete;
  PageWriter& operator=(const PageWriter&) = delete;
  ~PageWriter();

  /// An item's pictures, as a JPEG file; `number` is its place in the list.
  void pictures(std::size_t number, std::string_view jpeg);
  /// A block {"items": [...], "configs": [...]}.
  void items(const nlohmann::json& block);
  /// What is known at the end ({"notes", "stages", "shrank"}), and the rest of the page. Returns the page's
  /// bytes. To be called once.
  std::uint64_t finish(const nlohmann::json& end);

 private:
  void write(std::string_view text);
  void flush();
  void data(std::string_view attributes, const nlohmann::json& data);

  std::string path_;
  std::string temp_path_;
  results::durable::File file_;
  std::string buffer_;
  std::string_view rest_;  ///< of the frame: what comes after the items
  std::uint64_t bytes_ = 0;
  bool finished_ = false;
};

}  // namespace ditmill::jobs::watch
