#pragma once

#include <c10/core/Device.h>
#include <cuda_runtime_api.h>

#include <deque>
#include <memory>
#include <vector>

namespace ditmill::dist {

/// Throws Error(device) with CUDA's own words unless the call succeeded.
void check_cuda(cudaError_t code, const char* doing);

/// The stream that LibTorch puts this thread's kernels on.
cudaStream_t current_stream(const at::Device& device);

struct DestroyEvent {
  void operator()(cudaEvent_t event) const noexcept { cudaEventDestroy(event); }
};
struct DestroyStream {
  void operator()(cudaStream_t stream) const noexcept { cudaStreamDestroy(stream); }
};
using Event = std::unique_ptr<CUevent_st, DestroyEvent>;
using Stream = std::unique_ptr<CUstream_st, DestroyStream>;

/// `flags` as cudaEventCreateWithFlags() takes them. On the thread's device.
Event make_event(unsigned flags);
/// Runs beside the legacy default stream, and before others where the device has to choose.
Stream make_urgent_stream();

/// What an exchange lies between on its stream.
struct EventPair {
  Event begin;
  Event end;
};

/// Pairs of events and what they have measured; events are used again. One thread at a time.
class ExchangeTimes {
 public:
  /// A pair to record.
  EventPair take();
  /// A pair that is recorded and that nobody waits for any more; its end may lie ahead.
  void give_back(EventPair pair);
  /// Seconds from begin to end of the pairs given back that have ended since the last call. Never waits.
  double finished();

 private:
  std::vector<EventPair> spare_;
  std::deque<EventPair> recorded_;
};

}  // namespace ditmill::dist
