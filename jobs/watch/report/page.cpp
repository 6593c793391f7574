#include "jobs/watch/report/page.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "configs/embedded.h"
#include "configs/error.h"

namespace ditmill::jobs::watch {
namespace {

constexpr std::size_t buffer_bytes = std::size_t{1} << 20;

std::string_view page_file(std::string_view name) {
  for (const EmbeddedText& file : embedded::report_page()) {
    if (file.path.ends_with(name)) return file.text;
  }
  throw Error(Category::internal, "find a file of the report's page", Where{.file = std::string(name)});
}

/// The page's script: files that share one scope, in the order in which they need each other.
std::string page_script() {
  std::string script;
  for (const char* name : {"basics", "head", "time_axis", "progress", "stages", "loading", "lanes",
                           "failures", "clips", "main"}) {
    script.append(page_file(std::string{"/"} + name + ".js")).append("\n");
  }
  return script;
}

/// `text` up to a {{mark}}, which is taken off with it.
std::string_view take_until(std::string_view& text, std::string_view mark) {
  const std::string braced = "{{" + std::string(mark) + "}}";
  const std::size_t at = text.find(braced);
  if (at == std::string_view::npos) {
    throw Error(Category::internal, "find a mark of the report's page", {}, Expected{braced});
  }
  const std::string_view before = text.substr(0, at);
  text.remove_prefix(at + braced.size());
  return before;
}

/// The source that a content security policy knows a script by.
std::string script_source(std::string_view script) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(script.data()), script.size(), digest.data());
  return "'sha256-" + base64({reinterpret_cast<const char*>(digest.data()), digest.size()}) + "'";
}

}  // namespace

std::string script_json(const nlohmann::json& data) {
  const std::string plain = data.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::string safe;
  safe.reserve(plain.size());
  for (const char character : plain) {
    if (character == '<') {
      safe += "\\u003c";
    } else {
      safe += character;
    }
  }
  return safe;
}

std::string html_text(std::string_view text) {
  std::string safe;
  for (const char character : text) {
    switch (character) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      default:
        safe += character;
    }
  }
  return safe;
}

std::string base64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

PageWriter::PageWriter(std::string path, const std::string& title, const nlohmann::json& overview)
    : path_(std::move(path)),
      temp_path_(path_ + std::string(results::durable::temp_suffix)),
      file_(results::durable::File::open(temp_path_, O_WRONLY | O_CREAT | O_TRUNC)),
      rest_(page_file("report.html")) {
  const std::string script = page_script();
  write(take_until(rest_, "policy"));
  write(script_source(script));
  write(take_until(rest_, "title"));
  write(html_text(title));
  write(take_until(rest_, "style"));
  write(page_file("report.css"));
  write(take_until(rest_, "overview"));
  data("id=\"overview\"", overview);
  write(take_until(rest_, "script"));
  write(script);
  write(take_until(rest_, "items"));
}

PageWriter::~PageWriter() {
  if (!finished_) ::unlink(temp_path_.c_str());
}

void PageWriter::pictures(std::size_t number, std::string_view jpeg) {
  write("<script type=\"text/plain\" id=\"p" + std::to_string(number) + "\">");
  write(base64(jpeg));
  write("</script>\n");
}

void PageWriter::items(const nlohmann::json& block) { data("class=\"items\"", block); }

std::uint64_t PageWriter::finish(const nlohmann::json& end) {
  data("id=\"end\"", end);
  write(rest_);
  flush();
  file_.close();
  results::durable::publish(temp_path_, path_);
  finished_ = true;
  return bytes_;
}

void PageWriter::write(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= buffer_bytes) flush();
}

void PageWriter::flush() {
  file_.write(buffer_);
  bytes_ += buffer_.size();
  buffer_.clear();
}

void PageWriter::data(std::string_view attributes, const nlohmann::json& data) {
  write("<script type=\"application/json\" " + std::string(attributes) + ">");
  write(script_json(data));
  write("</script>\n");
}

}  // namespace ditmill::jobs::watch
