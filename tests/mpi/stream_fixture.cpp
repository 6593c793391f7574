#include "tests/mpi/stream_fixture.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>
#include <random>
#include <stdexcept>
#include <utility>

#include "dist/comm/communicator_impl.h"

namespace ditmill::dist::mpi_test {
namespace {

class WatchedSource final : public registry::ByteSource {
 public:
  WatchedSource(std::unique_ptr<registry::ByteSource> inner, BeforeRead before_read,
                std::uint64_t claimed_size)
      : inner_(std::move(inner)), before_read_(std::move(before_read)), claimed_size_(claimed_size) {}

  const std::string& label() const noexcept override { return inner_->label(); }
  std::uint64_t size() const noexcept override { return claimed_size_ > 0 ? claimed_size_ : inner_->size(); }
  void read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    before_read_(offset, out);
    inner_->read_at(offset, out);
  }

 private:
  std::unique_ptr<registry::ByteSource> inner_;
  BeforeRead before_read_;
  std::uint64_t claimed_size_;
};

class Inner final : public RequestImpl {
 public:
  Inner(Request request, std::function<void()> arrived)
      : request_(std::move(request)), arrived_(std::move(arrived)) {}
  double wait() override {
    request_.wait();
    arrived_();
    return 0;
  }

 private:
  Request request_;
  std::function<void()> arrived_;
};

class Tampering final : public CommunicatorImpl {
 public:
  Tampering(const Communicator& inner, Tamper tamper) : inner_(inner), tamper_(std::move(tamper)) {}
  Tampering(Communicator&& inner, Tamper tamper)
      : own_(std::move(inner)), inner_(*own_), tamper_(std::move(tamper)) {}

  int rank() const noexcept override { return inner_.rank(); }
  int size() const noexcept override { return inner_.size(); }
  std::unique_ptr<CommunicatorImpl> split(int color, int key) override {
    return std::make_unique<Tampering>(inner_.split(color, key, Purpose::plan), tamper_);
  }
  void barrier() override { inner_.barrier(Purpose::plan); }
  void broadcast(std::span<std::byte> bytes, int root) override {
    inner_.broadcast(bytes, root, Purpose::weights);
    if (!own_) tamper_(calls_++, bytes);
  }
  std::int64_t max(std::int64_t value) override { return inner_.max(value, Purpose::agreement); }
  std::vector<std::string> gather(std::string_view bytes, int root) override {
    return inner_.gather_text(bytes, root, Purpose::agreement);
  }
  std::unique_ptr<RequestImpl> exchange(std::span<const Outgoing> outgoing,
                                        std::span<const Incoming> incoming) override {
    std::vector<Incoming> got;
    if (own_) got.assign(incoming.begin(), incoming.end());
    return std::make_unique<Inner>(inner_.exchange(outgoing, incoming, Purpose::agreement),
                                   [this, got = std::move(got)] {
                                     for (const Incoming& in : got)
                                       tamper_(calls_++, {static_cast<std::byte*>(in.data), in.bytes});
                                   });
  }
  void copy(void*, const void*, std::size_t) override { throw std::logic_error("not for this test"); }
  void send(std::span<const std::byte>, int, int) override { throw std::logic_error("not for this test"); }
  std::optional<Message> try_receive(int, int) override { throw std::logic_error("not for this test"); }

 private:
  std::optional<Communicator> own_;
  const Communicator& inner_;
  Tamper tamper_;
  int calls_ = 0;
};

std::vector<std::byte> random_bytes(std::uint64_t count, unsigned seed) {
  std::mt19937_64 random(seed);
  std::vector<std::byte> bytes(count);
  for (std::size_t at = 0; at < count; at += 8) {
    const std::uint64_t value = random();
    std::memcpy(bytes.data() + at, &value, std::min<std::size_t>(8, count - at));
  }
  return bytes;
}

}  // namespace

OpenSource Files::open() const {
  return watched(*this, [](std::uint64_t, std::span<std::byte>) {});
}

OpenSource watched(const Files& files, BeforeRead before_read, std::uint64_t claimed_size) {
  return [&files, before_read = std::move(before_read), claimed_size](const std::string& path) {
    for (std::size_t i = 0; i < files.plan.files.size(); ++i) {
      if (files.plan.files[i].path == path) {
        return std::unique_ptr<registry::ByteSource>(std::make_unique<WatchedSource>(
            registry::memory_source(path, files.bytes[i]), before_read, claimed_size));
      }
    }
    throw std::logic_error("no file " + path);
  };
}

Files make_files(const std::vector<std::vector<Wanted>>& files, std::uint64_t header, configs::Dtype dtype) {
  Files made;
  made.plan.name = "transformer";
  made.plan.dtype = dtype;
  for (const std::vector<Wanted>& wanted : files) {
    registry::WeightFile file{.path = "/weights/" + std::to_string(made.bytes.size()), .tensors = {}};
    std::uint64_t at = header;
    for (const Wanted& each : wanted) {
      registry::TensorInfo tensor{.name = each.name, .type = each.type, .shape = each.shape, .begin = at};
      at += tensor.elements() * static_cast<std::uint64_t>(registry::bits(each.type)) / 8;
      tensor.end = at;
      file.tensors.push_back(std::move(tensor));
    }
    file.size = at;
    made.bytes.push_back(random_bytes(at, static_cast<unsigned>(made.bytes.size()) + 1));
    made.plan.files.push_back(std::move(file));
  }
  return made;
}

Files make_file_of(std::uint64_t size) {
  const std::uint64_t elements = size / 2;
  return make_files({{{"large", registry::ElementType::bf16, {elements}}}}, size - elements * 2);
}

Communicator tampering(const Communicator& inner, Tamper tamper) {
  return Communicator(std::make_unique<Tampering>(inner, std::move(tamper)));
}

}  // namespace ditmill::dist::mpi_test
