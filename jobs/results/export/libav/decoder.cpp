#include "jobs/results/export/libav/decoder.h"

#include <optional>
#include <string>
#include <vector>

#include "jobs/results/export/libav/colour.h"
#include "jobs/results/export/libav/handles.h"
#include "jobs/results/export/libav/memory_io.h"

namespace ditmill::jobs::results::libav {
namespace {

[[noreturn]] void refuse(const std::string& message) { throw Failure{video_abi::Result::bad_input, message}; }

std::string size_text(int width, int height) {
  return std::to_string(width) + " x " + std::to_string(height);
}

void expect_size(int width, int height, const video_abi::Shape& shape) {
  if (width == shape.width && height == shape.height) return;
  refuse("the video is " + size_text(width, height) + ", not " + size_text(shape.width, shape.height));
}

Demuxer open_mp4(AVIOContext* io) {
  // Only this format: nothing in the file may lead to another file or to the network.
  const AVInputFormat* const mp4 = av_find_input_format("mp4");
  if (mp4 == nullptr) throw Failure{video_abi::Result::unsupported, "this libavformat cannot read MP4"};
  AVFormatContext* context = allocated(avformat_alloc_context());
  context->pb = io;
  context->flags |= AVFMT_FLAG_CUSTOM_IO;
  // On failure it frees the context.
  check(avformat_open_input(&context, nullptr, mp4, nullptr), "open the video");
  return Demuxer{context};
}

const AVStream& video_stream(const AVFormatContext& file, const video_abi::Shape& shape) {
  for (unsigned i = 0; i < file.nb_streams; ++i) {
    const AVStream& stream = *file.streams[i];
    if (stream.codecpar->codec_type != AVMEDIA_TYPE_VIDEO) continue;
    if (stream.codecpar->codec_id != AV_CODEC_ID_H264) refuse("the video is not H.264");
    expect_size(stream.codecpar->width, stream.codecpar->height, shape);
    return stream;
  }
  refuse("the file holds no video");
}

Codec open_decoder(const AVStream& stream) {
  const AVCodec* const h264 = avcodec_find_decoder(AV_CODEC_ID_H264);
  if (h264 == nullptr) throw Failure{video_abi::Result::unsupported, "this libavcodec cannot decode H.264"};
  Codec codec{h264};
  check(avcodec_parameters_to_context(codec.get(), stream.codecpar), "open the decoder", *codec);
  codec->thread_count = 1;
  codec->flags |= AV_CODEC_FLAG_BITEXACT;
  codec->err_recognition |= AV_EF_EXPLODE;
  check(avcodec_open2(codec.get(), h264, nullptr), "open the decoder", *codec);
  return codec;
}

/// Takes frames as they come, and puts their colours where they belong.
class Frames {
 public:
  Frames(const video_abi::Shape& shape, std::uint8_t* rgb) : shape_(shape), rgb_(rgb) {}

  void take(const AVFrame& frame) {
    expect_size(frame.width, frame.height, shape_);
    if (count_ == shape_.frames) refuse("the video has more than " + std::to_string(count_) + " frames");
    const auto format = static_cast<AVPixelFormat>(frame.format);
    if (!colours_) {
      colours_.emplace(frame.width, frame.height, format);
      format_ = format;
    }
    if (format != format_) refuse("the video changes its pixel format");
    const std::size_t frame_bytes =
        std::size_t{3} * static_cast<std::size_t>(shape_.width) * static_cast<std::size_t>(shape_.height);
    colours_->convert(frame, rgb_ + static_cast<std::size_t>(count_++) * frame_bytes);
  }

  void expect_all() const {
    if (count_ == shape_.frames) return;
    refuse("the video has " + std::to_string(count_) + " frames, not " + std::to_string(shape_.frames));
  }

 private:
  video_abi::Shape shape_;
  std::uint8_t* rgb_;
  std::int64_t count_ = 0;
  AVPixelFormat format_ = AV_PIX_FMT_NONE;
  std::optional<ToRgb> colours_;
};

/// Gives a packet (null: there are no more) to the decoder, and takes the frames that come out.
void push(const Codec& codec, const AVPacket* packet, AVFrame& frame, Frames& frames) {
  check(avcodec_send_packet(codec.get(), packet), "decode a frame", *codec);
  for (;;) {
    const int code = avcodec_receive_frame(codec.get(), &frame);
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return;
    check(code, "decode a frame", *codec);
    frames.take(frame);
  }
}

}  // namespace

void decode(const std::uint8_t* mp4, std::size_t bytes, const video_abi::Shape& shape, std::uint8_t* rgb) {
  std::vector<std::uint8_t> file(mp4, mp4 + bytes);
  const MemoryIo io{file, MemoryIo::Access::read};
  const Demuxer demuxer = open_mp4(io.get());
  const AVStream& stream = video_stream(*demuxer, shape);
  const Codec codec = open_decoder(stream);
  const Packet packet{allocated(av_packet_alloc())};
  const Frame frame{allocated(av_frame_alloc())};
  Frames frames{shape, rgb};
  for (;;) {
    const int code = av_read_frame(demuxer.get(), packet.get());
    if (code == AVERROR_EOF) break;
    check(code, "read the video");
    if (packet->stream_index == stream.index) push(codec, packet.get(), *frame, frames);
    av_packet_unref(packet.get());
  }
  push(codec, nullptr, *frame, frames);
  frames.expect_all();
}

}  // namespace ditmill::jobs::results::libav
