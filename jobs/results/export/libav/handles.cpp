#include "jobs/results/export/libav/handles.h"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <new>

namespace ditmill::jobs::results::libav {
namespace {

constexpr std::size_t most_logged = 2000;

/// Keeps what a codec has to say of an error where its context says; everything else is dropped.
void keep_log(void* object, int level, const char* format, va_list arguments) {
  if (level > AV_LOG_ERROR || object == nullptr) return;
  if (*static_cast<const AVClass* const*>(object) != avcodec_get_class()) return;
  auto* const log = static_cast<std::string*>(static_cast<AVCodecContext*>(object)->opaque);
  if (log == nullptr || log->size() > most_logged) return;
  std::array<char, 500> line{};
  std::vsnprintf(line.data(), line.size(), format, arguments);
  // An exception must not pass through libav's C frames.
  try {
    *log += line.data();
    while (!log->empty() && log->back() == '\n') log->pop_back();
    *log += "; ";
  } catch (const std::bad_alloc&) {
    log->clear();
  }
}

std::string words(int code) {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  av_strerror(code, text.data(), text.size());
  return text.data();
}

[[noreturn]] void fail(int code, const std::string& message) {
  const bool memory = code == AVERROR(ENOMEM);
  const bool data = code == AVERROR_INVALIDDATA || code == AVERROR_EOF;
  throw Failure{memory ? video_abi::Result::memory
                : data ? video_abi::Result::bad_input
                       : video_abi::Result::failed,
                message};
}

}  // namespace

int check(int code, const char* doing) {
  if (code < 0) fail(code, std::string{doing} + ": " + words(code));
  return code;
}

int check(int code, const char* doing, const AVCodecContext& codec) {
  if (code < 0) {
    fail(code, std::string{doing} + ": " + *static_cast<const std::string*>(codec.opaque) + words(code));
  }
  return code;
}

Codec::Codec(const AVCodec* codec)
    : log_(std::make_unique<std::string>()), context_(allocated(avcodec_alloc_context3(codec))) {
  av_log_set_callback(keep_log);
  context_->opaque = log_.get();
}

void Options::set(const char* name, const std::string& value) {
  check(av_dict_set(&options_, name, value.c_str(), 0), "set an option");
}

void Options::expect_all_taken() const {
  if (const AVDictionaryEntry* left = av_dict_get(options_, "", nullptr, AV_DICT_IGNORE_SUFFIX)) {
    throw Failure{video_abi::Result::unsupported, std::string{"libav does not know the option "} + left->key};
  }
}

Frame make_frame(int width, int height, AVPixelFormat format) {
  Frame frame{allocated(av_frame_alloc())};
  frame->width = width;
  frame->height = height;
  frame->format = format;
  check(av_frame_get_buffer(frame.get(), 0), "allocate a frame");
  return frame;
}

}  // namespace ditmill::jobs::results::libav
