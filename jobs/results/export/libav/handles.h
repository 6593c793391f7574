#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
}

#include <memory>
#include <string>
#include <utility>

#include "jobs/results/export/video_abi.h"

namespace ditmill::jobs::results::libav {

/// What ends a call of the library; it never leaves it (main.cpp turns it into a Result and a message).
struct Failure {
  video_abi::Result result;
  std::string message;
};

/// Returns the code of a call of libav, or throws Failure with libav's own words.
int check(int code, const char* doing);
/// The same for a codec's call: what the codec logged is in the message too.
int check(int code, const char* doing, const AVCodecContext& codec);
/// Throws Failure(memory) if an allocation gave nothing.
template <typename T>
T* allocated(T* object) {
  if (object == nullptr) throw Failure{video_abi::Result::memory, "libav could not allocate memory"};
  return object;
}

template <auto Free>
struct FreeByAddress {
  template <typename T>
  void operator()(T* object) const noexcept {
    Free(&object);
  }
};
template <auto Free>
struct FreeDirectly {
  template <typename T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};

using Frame = std::unique_ptr<AVFrame, FreeByAddress<av_frame_free>>;
using Packet = std::unique_ptr<AVPacket, FreeByAddress<av_packet_free>>;
using Muxer = std::unique_ptr<AVFormatContext, FreeDirectly<avformat_free_context>>;
using Demuxer = std::unique_ptr<AVFormatContext, FreeByAddress<avformat_close_input>>;
using Scaler = std::unique_ptr<SwsContext, FreeDirectly<sws_freeContext>>;

/// An encoder or a decoder. What it logs is kept for check(), and does not go to standard error.
class Codec {
 public:
  explicit Codec(const AVCodec* codec);

  AVCodecContext* get() const noexcept { return context_.get(); }
  AVCodecContext* operator->() const noexcept { return context_.get(); }
  AVCodecContext& operator*() const noexcept { return *context_; }

 private:
  std::unique_ptr<std::string> log_;  // the context holds its address
  std::unique_ptr<AVCodecContext, FreeByAddress<avcodec_free_context>> context_;
};

/// A dictionary of options that libav takes what it knows from.
class Options {
 public:
  Options() = default;
  Options(const Options&) = delete;
  Options& operator=(const Options&) = delete;
  ~Options() { av_dict_free(&options_); }

  void set(const char* name, const std::string& value);
  AVDictionary** address() noexcept { return &options_; }
  /// Throws Failure(unsupported) if one was not taken.
  void expect_all_taken() const;

 private:
  AVDictionary* options_ = nullptr;
};

/// A frame with its own, padded memory. Throws Failure(memory).
Frame make_frame(int width, int height, AVPixelFormat format);

}  // namespace ditmill::jobs::results::libav
