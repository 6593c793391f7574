#include "dist/weights/stream.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "configs/error.h"
#include "dist/comm/agree.h"
#include "dist/weights/marks.h"
#include "dist/weights/source/local_files.h"
#include "dist/weights/stream_pass.h"
#include "dist/weights/tensors/needed_chunks.h"
#include "dist/weights/tensors/own_memory.h"

namespace ditmill::dist {
namespace {

class Stream {
 public:
  /// `nodes`: null where rank 0 broadcasts to all, and what comes spoilt is an error at once.
  Stream(const Communicator& comm, const Nodes* nodes, int readers, const ComponentPlan& plan,
         const Mesh& mesh, const LoadOptions& options)
      : comm_(comm),
        nodes_(nodes),
        readers_(readers),
        plan_(plan),
        options_(options),
        chunks_(schedule(plan)),
        places_(plan, mesh, comm.rank()),
        assembler_(plan, mesh, comm.rank(), options.device,
                   options.device == at::kCPU ? in_own_memory(places_) : Destination{}) {
    for (const registry::WeightFile& file : plan.files) {
      digests_.push_back({.size = file.size, .leaves = {}});
      const std::size_t leaves = (file.size + registry::leaf_bytes - 1) / registry::leaf_bytes;
      if (options.hash) digests_.back().leaves.resize(leaves);
    }
  }

  /// Collective.
  StreamedComponent run() {
    const Spoilt spoilt = pass(chunks_, nodes_ != nullptr);
    if (nodes_ != nullptr) mend(spoilt);
    StreamedComponent result;
    agree(comm_, [&] { result.tensors = assembler_.finish(); });
    result.blocks = assembler_.blocks();
    result.digests = std::move(digests_);
    result.bytes = plan_.file_bytes();
    result.work = work_;
    for (const auto& [name, tensor] : result.tensors) result.work.private_bytes += tensor.nbytes();
    result.reading_machines = readers_;
    return result;
  }

 private:
  Spoilt pass(const std::vector<Chunk>& chunks, bool tolerant) {
    Relay relay{comm_, nodes_, readers_, chunks.size()};
    MachineRing* const ring = nodes_ == nullptr ? nullptr : nodes_->ring(relay.frames_of_machine());
    Sources sources;
    std::optional<StreamPass> pass;
    agree(comm_, [&] {
      if (relay.reads_some()) {
        sources = open_files(plan_, options_.open);
        if (map_cached(plan_, sources).empty()) read_past_cache(sources);
      }
      pass.emplace(comm_, std::move(relay), ring, plan_, chunks, sources,
                   Streamed{assembler_, digests_, work_, options_.hash, tolerant});
      pass->start_threads();
    });
    return pass->run();
  }

  /// Brings what came spoilt on any rank once more, with all that its tensors are made of. Collective.
  void mend(const Spoilt& spoilt) {
    if (comm_.max(spoilt.empty() ? 0 : 1, Purpose::agreement) == 0) return;
    try {
      std::optional<Error> first;
      if (!spoilt.empty()) first = spoilt.begin()->second;
      agree_on(comm_, first);
    } catch (const AgreedError& error) {
      if (options_.read_again) options_.read_again(error);
    }
    std::vector<bool> again(chunks_.size());
    for (const auto& [chunk, error] : spoilt) again[chunk] = true;
    again = marked_anywhere(comm_, again);
    const std::vector<bool> damaged = again;
    const std::vector<bool> targets = targets_of(plan_, places_, damaged);
    const std::vector<bool> needed = needed_chunks(plan_, places_, targets);
    for (std::size_t i = 0; i < again.size(); ++i) again[i] = again[i] || needed[i];
    again = marked_anywhere(comm_, again);
    assembler_.make_again(targets);
    const std::vector<registry::FileDigest> before = digests_;
    std::vector<Chunk> chunks;
    for (std::size_t i = 0; i < again.size(); ++i) {
      if (again[i]) chunks.push_back(chunks_[i]);
    }
    pass(chunks, false);
    agree(comm_, [&] { expect_the_rest_as_before(before, damaged); });
  }

  void expect_the_rest_as_before(const std::vector<registry::FileDigest>& before,
                                 const std::vector<bool>& damaged) const {
    if (!options_.hash) return;
    for (std::size_t i = 0; i < chunks_.size(); ++i) {
      const std::size_t leaf = chunks_[i].offset / registry::leaf_bytes;
      const registry::Leaf& was = before[chunks_[i].file].leaves[leaf];
      const registry::Leaf& is = digests_[chunks_[i].file].leaves[leaf];
      if (damaged[i] || was == is) continue;
      throw Error{Category::communication,
                  verifying_weights,
                  place_of(plan_, chunks_[i], comm_.rank()),
                  Expected{"XXH3-128 " + registry::hex(was) + ", as it was read before"},
                  Got{registry::hex(is)},
                  "the file was written to since the job began, or memory or disk are damaged: start again"};
    }
  }

  const Communicator& comm_;
  const Nodes* nodes_;
  int readers_;
  const ComponentPlan& plan_;
  const LoadOptions& options_;
  std::vector<Chunk> chunks_;
  Places places_;
  Assembler assembler_;
  std::vector<registry::FileDigest> digests_;
  LoadWork work_;
};

StreamedComponent stream(const Communicator& comm, const Nodes* nodes, int readers, const ComponentPlan& plan,
                         const Mesh& mesh, const LoadOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  std::unique_ptr<Stream> stream;
  agree(comm, [&] {
    check_plan(plan);
    if (mesh.world() != comm.size()) {
      throw Error{Category::internal,
                  "load weights",
                  {},
                  Expected{"a mesh of " + std::to_string(comm.size()) + " ranks"},
                  Got{std::to_string(mesh.world())}};
    }
    stream = std::make_unique<Stream>(comm, nodes, readers, plan, mesh, options);
  });
  StreamedComponent result = stream->run();
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace

StreamedComponent stream_component(const Communicator& comm, const ComponentPlan& plan, const Mesh& mesh,
                                   const OpenSource& open, const at::Device& device) {
  return stream(comm, nullptr, 1, plan, mesh, {.open = open, .device = device});
}

StreamedComponent stream_between(const Nodes& nodes, int readers, const ComponentPlan& plan, const Mesh& mesh,
                                 const LoadOptions& options) {
  return stream(nodes.world(), &nodes, readers, plan, mesh, options);
}

}  // namespace ditmill::dist
