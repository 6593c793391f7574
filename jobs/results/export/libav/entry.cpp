#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "jobs/results/export/libav/decoder.h"
#include "jobs/results/export/libav/encoder.h"
#include "jobs/results/export/libav/handles.h"
#include "jobs/results/export/video_abi.h"

namespace ditmill::jobs::results::libav {
namespace {

using video_abi::Message;
using video_abi::Result;

Result say(Result result, const std::string& text, Message message) {
  const std::size_t length = std::min(text.size(), message.room - 1);
  std::memcpy(message.text, text.data(), length);
  message.text[length] = '\0';
  return result;
}

/// Nothing is thrown across the seam.
template <typename Action>
Result guarded(Message message, const Action& action) noexcept {
  try {
    action();
    return Result::done;
  } catch (const Failure& failure) {
    return say(failure.result, failure.message, message);
  } catch (const std::bad_alloc&) {
    return say(Result::memory, "no memory", message);
  } catch (const std::exception& error) {
    return say(Result::failed, error.what(), message);
  }
}

Result ready(Message message) {
  return guarded(message, [] { require_encoder(); });
}

Result encode_clip(const std::uint8_t* rgb, video_abi::Shape shape, video_abi::Encoding encoding,
                   video_abi::Taker taker, Message message) {
  return guarded(message, [&] {
    const std::vector<std::uint8_t> file = encode(rgb, shape, encoding);
    std::memcpy(allocated(taker.allocate(taker.context, file.size())), file.data(), file.size());
  });
}

Result decode_clip(const std::uint8_t* mp4, std::size_t bytes, video_abi::Shape shape, std::uint8_t* rgb,
                   Message message) {
  return guarded(message, [&] { decode(mp4, bytes, shape, rgb); });
}

constexpr video_abi::Functions functions{.ready = ready, .encode = encode_clip, .decode = decode_clip};

}  // namespace
}  // namespace ditmill::jobs::results::libav

/// The one symbol of the library: video_abi::entry_point.
extern "C" __attribute__((visibility("default"))) const ditmill::jobs::results::video_abi::Functions*
ditmill_video_abi_1() {
  return &ditmill::jobs::results::libav::functions;
}
