#include "jobs/results/export/libav/encoder.h"

extern "C" {
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
}

#include <string>

#include "jobs/results/export/libav/colour.h"
#include "jobs/results/export/libav/handles.h"
#include "jobs/results/export/libav/memory_io.h"

namespace ditmill::jobs::results::libav {
namespace {

constexpr const char* encoder_name = "libx264";

Codec open_encoder(const video_abi::Shape& shape, const video_abi::Encoding& encoding) {
  require_encoder();
  const AVCodec* const x264 = avcodec_find_encoder_by_name(encoder_name);
  Codec codec{x264};
  codec->width = shape.width;
  codec->height = shape.height;
  codec->pix_fmt = av_get_pix_fmt(encoding.pixel_format);
  codec->framerate = {encoding.rate_numerator, encoding.rate_denominator};
  codec->time_base = av_inv_q(codec->framerate);
  codec->sample_aspect_ratio = {1, 1};
  codec->color_range = AVCOL_RANGE_MPEG;
  codec->colorspace = AVCOL_SPC_BT709;
  codec->color_primaries = AVCOL_PRI_BT709;
  codec->color_trc = AVCOL_TRC_BT709;
  codec->chroma_sample_location = AVCHROMA_LOC_LEFT;
  codec->thread_count = 1;
  // Then a picture is shown when it is decoded: every player starts at 0, and no edit list is needed.
  codec->max_b_frames = 0;
  codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
  Options options;
  options.set("crf", std::to_string(encoding.crf));
  options.set("x264-params", "cpu-independent=1");
  check(avcodec_open2(codec.get(), x264, options.address()), "open the encoder", *codec);
  options.expect_all_taken();
  return codec;
}

/// The MP4 side: takes packets, gives bytes.
class Mp4 {
 public:
  explicit Mp4(const Codec& codec) : io_(bytes_, MemoryIo::Access::write) {
    AVFormatContext* context = nullptr;
    check(avformat_alloc_output_context2(&context, nullptr, "mp4", nullptr), "prepare an MP4 file");
    muxer_.reset(context);
    muxer_->pb = io_.get();
    muxer_->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_BITEXACT;
    muxer_->opaque = this;
    // To put the index in front, the muxer reads what it has written.
    muxer_->io_open = &Mp4::open_again;
    muxer_->io_close2 = &Mp4::close_again;
    stream_ = allocated(avformat_new_stream(muxer_.get(), nullptr));
    check(avcodec_parameters_from_context(stream_->codecpar, codec.get()), "describe the stream");
    stream_->time_base = codec->time_base;
    stream_->avg_frame_rate = codec->framerate;
    stream_->sample_aspect_ratio = codec->sample_aspect_ratio;
    Options options;
    options.set("movflags", "+faststart");
    // The file's clock is the frames' own: its duration is exact.
    options.set("movie_timescale", std::to_string(codec->framerate.num));
    check(avformat_write_header(muxer_.get(), options.address()), "begin an MP4 file");
    options.expect_all_taken();
  }
  Mp4(const Mp4&) = delete;
  Mp4& operator=(const Mp4&) = delete;
  ~Mp4() = default;

  void write(AVPacket& packet, AVRational clock) {
    packet.stream_index = stream_->index;
    packet.duration = 1;
    av_packet_rescale_ts(&packet, clock, stream_->time_base);
    check(av_write_frame(muxer_.get(), &packet), "write a picture");
  }

  std::vector<std::uint8_t> finish() {
    check(av_write_trailer(muxer_.get()), "finish an MP4 file");
    avio_flush(io_.get());
    check(io_.get()->error, "finish an MP4 file");
    return std::move(bytes_);
  }

 private:
  static int open_again(AVFormatContext* context, AVIOContext** out, const char*, int, AVDictionary**) {
    Mp4& self = *static_cast<Mp4*>(context->opaque);
    // An exception must not pass through libav's C frames.
    try {
      self.again_ = std::make_unique<MemoryIo>(self.bytes_, MemoryIo::Access::read);
      *out = self.again_->get();
      return 0;
    } catch (...) {
      return AVERROR(ENOMEM);
    }
  }
  static int close_again(AVFormatContext* context, AVIOContext*) {
    static_cast<Mp4*>(context->opaque)->again_.reset();
    return 0;
  }

  std::vector<std::uint8_t> bytes_;
  MemoryIo io_;
  std::unique_ptr<MemoryIo> again_;
  Muxer muxer_;
  AVStream* stream_ = nullptr;
};

/// Gives a frame (null: the last was given) to the encoder, and what comes out to the file.
void push(const Codec& codec, const AVFrame* frame, AVPacket& packet, Mp4& file) {
  check(avcodec_send_frame(codec.get(), frame), "encode a frame", *codec);
  for (;;) {
    const int code = avcodec_receive_packet(codec.get(), &packet);
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return;
    check(code, "encode a frame", *codec);
    file.write(packet, codec->time_base);
  }
}

}  // namespace

void require_encoder() {
  if (avcodec_find_encoder_by_name(encoder_name) == nullptr) {
    throw Failure{video_abi::Result::unsupported, "this libavcodec was built without libx264"};
  }
}

std::vector<std::uint8_t> encode(const std::uint8_t* rgb, const video_abi::Shape& shape,
                                 const video_abi::Encoding& encoding) {
  const Codec codec = open_encoder(shape, encoding);
  Mp4 file{codec};
  const FromRgb colours{shape.width, shape.height, codec->pix_fmt};
  const Frame frame = make_frame(shape.width, shape.height, codec->pix_fmt);
  const Packet packet{allocated(av_packet_alloc())};
  const std::size_t frame_bytes =
      std::size_t{3} * static_cast<std::size_t>(shape.width) * static_cast<std::size_t>(shape.height);
  for (std::int64_t i = 0; i < shape.frames; ++i) {
    // The encoder may still hold the last one's memory.
    check(av_frame_make_writable(frame.get()), "encode a frame");
    colours.convert(rgb + static_cast<std::size_t>(i) * frame_bytes, *frame);
    frame->pts = i;
    push(codec, frame.get(), *packet, file);
  }
  push(codec, nullptr, *packet, file);
  return file.finish();
}

}  // namespace ditmill::jobs::results::libav
