#pragma once

#include <cstdint>

#include "jobs/results/export/libav/handles.h"

namespace ditmill::jobs::results::libav {

/// Between 8-bit full-range RGB and limited-range Y'CbCr of BT.709, chroma at the left as H.264 has it by
/// default. Bit-exact: no result depends on the processor.
class FromRgb {
 public:
  FromRgb(int width, int height, AVPixelFormat format);
  /// Converts `rgb` [height, width, 3] into `out`, which is of that size and format.
  void convert(const std::uint8_t* rgb, AVFrame& out) const;

 private:
  Frame rgb_;  // padded: swscale may read behind a row
  Scaler scaler_;
};

class ToRgb {
 public:
  /// `format`: what the decoded frames are.
  ToRgb(int width, int height, AVPixelFormat format);
  void convert(const AVFrame& frame, std::uint8_t* rgb) const;

 private:
  Frame rgb_;
  Scaler scaler_;
};

}  // namespace ditmill::jobs::results::libav
