#include "jobs/results/export/libav/colour.h"

extern "C" {
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
}

#include <cstring>
#include <string>

namespace ditmill::jobs::results::libav {
namespace {

constexpr int no_change = 0;        // of brightness
constexpr int unchanged = 1 << 16;  // contrast, saturation

Scaler make_scaler(int width, int height, AVPixelFormat from, AVPixelFormat to) {
  Scaler scaler{allocated(sws_alloc_context())};
  const auto set = [&scaler](const std::string& name, std::int64_t value) {
    check(av_opt_set_int(scaler.get(), name.c_str(), value, 0), "prepare a change of colours");
  };
  for (const auto& [side, format] : {std::pair{"src", from}, {"dst", to}}) {
    const std::string name = side;
    set(name + "w", width);
    set(name + "h", height);
    set(name + "_format", format);
    int across = 0;
    int down = 0;
    check(av_pix_fmt_get_chroma_sub_sample(format, &across, &down), "prepare a change of colours");
    // In 256ths of a luma pixel: at the left, and between two rows.
    if (across > 0) set(name + "_h_chr_pos", 0);
    if (down > 0) set(name + "_v_chr_pos", 128);
  }
  set("sws_flags", SWS_BICUBIC | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP | SWS_ACCURATE_RND | SWS_BITEXACT);
  const int* bt709 = sws_getCoefficients(SWS_CS_ITU709);
  const int from_full = from == AV_PIX_FMT_RGB24 ? 1 : 0;
  const int to_full = to == AV_PIX_FMT_RGB24 ? 1 : 0;
  check(sws_setColorspaceDetails(scaler.get(), bt709, from_full, bt709, to_full, no_change, unchanged,
                                 unchanged),
        "prepare a change of colours");
  check(sws_init_context(scaler.get(), nullptr, nullptr), "prepare a change of colours");
  return scaler;
}

}  // namespace

FromRgb::FromRgb(int width, int height, AVPixelFormat format)
    : rgb_(make_frame(width, height, AV_PIX_FMT_RGB24)),
      scaler_(make_scaler(width, height, AV_PIX_FMT_RGB24, format)) {}

void FromRgb::convert(const std::uint8_t* rgb, AVFrame& out) const {
  const std::size_t row = std::size_t{3} * static_cast<std::size_t>(rgb_->width);
  for (int y = 0; y < rgb_->height; ++y) {
    std::memcpy(rgb_->data[0] + std::ptrdiff_t{y} * rgb_->linesize[0],
                rgb + static_cast<std::size_t>(y) * row, row);
  }
  check(sws_scale(scaler_.get(), rgb_->data, rgb_->linesize, 0, rgb_->height, out.data, out.linesize),
        "change the colours of a frame");
}

ToRgb::ToRgb(int width, int height, AVPixelFormat format)
    : rgb_(make_frame(width, height, AV_PIX_FMT_RGB24)),
      scaler_(make_scaler(width, height, format, AV_PIX_FMT_RGB24)) {}

void ToRgb::convert(const AVFrame& frame, std::uint8_t* rgb) const {
  check(sws_scale(scaler_.get(), frame.data, frame.linesize, 0, frame.height, rgb_->data, rgb_->linesize),
        "change the colours of a frame");
  const std::size_t row = std::size_t{3} * static_cast<std::size_t>(rgb_->width);
  for (int y = 0; y < rgb_->height; ++y) {
    std::memcpy(rgb + static_cast<std::size_t>(y) * row,
                rgb_->data[0] + std::ptrdiff_t{y} * rgb_->linesize[0], row);
  }
}

}  // namespace ditmill::jobs::results::libav
