#include "dist/comm/nccl_events.h"

#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <utility>

#include "configs/error.h"

namespace ditmill::dist {

void check_cuda(cudaError_t code, const char* doing) {
  if (code == cudaSuccess) return;
  cudaGetLastError();  // CUDA would report it again to the next caller
  throw Error{Category::device, doing, {}, {}, Got{cudaGetErrorString(code)}};
}

// Through c10's interface, which libtorch_cuda fills in when it is opened: c10::cuda is not linked.
cudaStream_t current_stream(const at::Device& device) {
  const c10::impl::DeviceGuardImplInterface* cuda = c10::impl::getDeviceGuardImpl(at::kCUDA);
  return static_cast<cudaStream_t>(cuda->getStreamNativeHandle(cuda->getStream(device)));
}

Event make_event(unsigned flags) {
  cudaEvent_t event = nullptr;
  check_cuda(cudaEventCreateWithFlags(&event, flags), "make an event");
  return Event(event);
}

Stream make_urgent_stream() {
  int least = 0;
  int greatest = 0;
  check_cuda(cudaDeviceGetStreamPriorityRange(&least, &greatest), "make a stream");
  cudaStream_t stream = nullptr;
  check_cuda(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, greatest), "make a stream");
  return Stream(stream);
}

EventPair ExchangeTimes::take() {
  if (spare_.empty()) return {make_event(cudaEventDefault), make_event(cudaEventDefault)};
  EventPair pair = std::move(spare_.back());
  spare_.pop_back();
  return pair;
}

void ExchangeTimes::give_back(EventPair pair) { recorded_.push_back(std::move(pair)); }

double ExchangeTimes::finished() {
  double seconds = 0;
  while (!recorded_.empty()) {
    EventPair& oldest = recorded_.front();
    const cudaError_t code = cudaEventQuery(oldest.end.get());
    if (code == cudaErrorNotReady) break;
    check_cuda(code, "look whether an exchange has ended");
    float milliseconds = 0;
    check_cuda(cudaEventElapsedTime(&milliseconds, oldest.begin.get(), oldest.end.get()), "time an exchange");
    seconds += static_cast<double>(milliseconds) * 1e-3;
    spare_.push_back(std::move(oldest));
    recorded_.pop_front();
  }
  return seconds;
}

}  // namespace ditmill::dist
