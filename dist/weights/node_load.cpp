#include "dist/weights/node_load.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "configs/error.h"
#include "dist/comm/agree.h"
#include "dist/dtype.h"
#include "dist/weights/alarm.h"
#include "dist/weights/machine_leaves.h"
#include "dist/weights/source/chunk_reader.h"
#include "dist/weights/source/file_map.h"
#include "dist/weights/source/local_files.h"
#include "dist/weights/tensors/assembler.h"
#include "dist/weights/tensors/needed_chunks.h"
#include "dist/weights/tensors/tensor_memory.h"

namespace ditmill::dist {
namespace {

constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

/// Where a target of Places is made.
struct Made {
  std::uint64_t source_bytes = 0;  ///< in the files
  std::size_t bytes = 0;           ///< as the layers have it
  std::size_t file = nowhere;      ///< the mapped one in whose pages it stays
  std::size_t offset = nowhere;    ///< in that file, or in the memory
  int owner = 0;                   ///< the rank of the team that makes it

  bool stays() const noexcept { return file != nowhere; }
};

class NodeLoad {
 public:
  NodeLoad(const Nodes& nodes, const ComponentPlan& plan, const Mesh& mesh, const LoadOptions& options)
      : nodes_(nodes),
        world_(nodes.world()),
        plan_(plan),
        mesh_(mesh),
        options_(options),
        chunks_(schedule(plan)),
        places_(plan, mesh, world_.rank()),
        alarm_(world_, nodes.next_load()),
        shares_(options.strategy == configs::Strategy::shared && !plan.fsdp && options.device == at::kCPU) {}

  void open() {
    if (mesh_.world() != world_.size()) {
      throw Error{Category::internal,
                  "load weights",
                  {},
                  Expected{"a mesh of " + std::to_string(world_.size()) + " ranks"},
                  Got{std::to_string(mesh_.world())}};
    }
    sources_ = open_files(plan_, options_.open);
  }

  /// Collective, once all ranks have the files open.
  StreamedComponent run() {
    map_files();
    std::optional<Communicator> part;
    if (shares_ && mesh_.degree(Axis::tp) * mesh_.degree(Axis::pp) > 1) {
      const int rank = world_.rank();
      part = nodes_.local().split(
          mesh_.coordinate(rank, Axis::tp) * mesh_.degree(Axis::pp) + mesh_.coordinate(rank, Axis::pp), rank,
          Purpose::plan);
    }
    const Communicator* const team = !shares_ ? nullptr : part ? &*part : &nodes_.local();  // that share
    place_targets(team != nullptr ? team->size() : 1);
    const int team_rank = team != nullptr ? team->rank() : 0;
    leads_ = team_rank == 0;
    alone_ = team != nullptr && team->size() == 1;
    std::optional<Error> failure;
    bool ready = true;
    if (team != nullptr) {
      failure = failure_of([&] { memory_ = TensorMemory::shared(*team, memory_bytes_); });
      ready = !failure;
      // All of the team have failed: its first says so, as a rank of the world.
      if (!leads_) failure.reset();
      if (failure) {
        Where where = failure->where();
        where.rank = -1;
        failure = failure->with({.where = std::move(where)});
      }
    }
    if (ready) failure = failure_of([&] { load(team_rank); });
    if (failure) alarm_.ring();
    timed(work_.stall.copy, [&] { agree_on(world_, failure); });
    StreamedComponent result;
    result.digests = digests();
    agree(world_, [&] { finish(result); });
    return result;
  }

 private:
  /// Files of this machine are mapped, by all of its ranks or by none, where they lie in its page cache, and
  /// where ranks share most of what is in them.
  void map_files() {
    ChunkReader::Maps maps = map_local(plan_, sources_);
    const int lacks = maps.size() < sources_.size() ? 2 : are_cached(maps) ? 0 : 1;
    const std::int64_t all_lack = nodes_.local().max(lacks, Purpose::weights);
    cached_ = all_lack == 0;
    if (cached_ || (all_lack == 1 && shares_ && nodes_.local().size() > 1 && most_can_stay())) {
      maps_ = std::move(maps);
    } else if (shares_ || nodes_.local().size() == 1) {
      // What is not cached is read once on this machine, so it need not go through the page cache.
      read_past_cache(sources_);
    }
  }

  bool most_can_stay() const {
    std::uint64_t stays = 0;
    std::uint64_t all = 0;
    for (const registry::WeightFile& file : plan_.files) {
      for (const registry::TensorInfo& tensor : file.tensors) {
        const Place* place = places_.find(tensor.name);
        if (place == nullptr) continue;
        all += tensor.end - tensor.begin;
        if (can_stay(tensor, *place)) stays += tensor.end - tensor.begin;
      }
    }
    return stays > all / 2;
  }

  /// Decides where each target is made and by whom: the same on all ranks of a team.
  void place_targets(int team_size) {
    made_.resize(places_.targets().size());
    stays_.resize(plan_.files.size());
    std::vector<std::size_t> order;
    for (std::size_t f = 0; f < plan_.files.size(); ++f) {
      for (const registry::TensorInfo& tensor : plan_.files[f].tensors) {
        const Place* place = places_.find(tensor.name);
        if (place == nullptr) continue;
        Made& made = made_[place->target];
        if (made.source_bytes == 0) order.push_back(place->target);
        made.source_bytes += std::max<std::uint64_t>(tensor.end - tensor.begin, 1);
        if (!shares_ || maps_.empty() || !can_stay(tensor, *place)) continue;
        made.file = f;
        made.offset = tensor.begin;
        stays_[f] = true;
      }
    }
    std::uint64_t all = 0;
    for (const std::size_t i : order) {
      Made& made = made_[i];
      made.bytes = bytes_of(places_.targets()[i]);
      if (made.stays()) continue;
      all += made.source_bytes;
      if (places_.targets()[i].block >= 0) continue;  // goes to its block's bytes
      made.offset = memory_bytes_;
      memory_bytes_ += aligned_size(made.bytes);
    }
    std::uint64_t before = 0;
    for (const std::size_t i : order) {
      Made& made = made_[i];
      if (made.stays()) continue;
      made.owner = static_cast<int>(before * static_cast<std::uint64_t>(team_size) / all);
      before += made.source_bytes;
    }
  }

  /// Whether the layers can use a tensor of the files where it lies.
  bool can_stay(const registry::TensorInfo& tensor, const Place& place) const {
    const Target& target = places_.targets()[place.target];
    const bool same = tensor.type == (target.dtype == configs::Dtype::float32 ? registry::ElementType::f32
                                                                              : registry::ElementType::bf16);
    const bool whole =
        place.dim == ShardRule::whole ||
        place.range.size() == static_cast<std::int64_t>(tensor.shape[static_cast<std::size_t>(place.dim)]);
    return same && whole && target.parts == 1 && tensor.strides.empty() &&
           tensor.begin % tensor_alignment == 0;
  }

  /// A target's tensor over the bytes where it is, which it keeps.
  at::Tensor tensor_of(std::size_t i) const {
    const Target& target = places_.targets()[i];
    const Made& made = made_[i];
    const at::TensorOptions options{scalar_type(target.dtype)};
    if (!made.stays()) {
      return at::from_blob(
          memory_->bytes().data() + made.offset, target.shape, [holder = memory_](void*) {}, options);
    }
    // Layers never write to their weights; the pages are mapped to be read only.
    auto* const bytes = const_cast<std::byte*>(maps_[made.file]->bytes().data()) + made.offset;
    return at::from_blob(
        bytes, target.shape, [holder = maps_[made.file]](void*) {}, options);
  }

  void load(int team_rank) {
    if (!shares_ && options_.device == at::kCPU) memory_ = TensorMemory::own(memory_bytes_);
    mine_.resize(made_.size());
    for (std::size_t i = 0; i < made_.size(); ++i)
      mine_[i] = !made_[i].stays() && (made_[i].owner == team_rank || made_[i].bytes == 0);
    Destination destination;
    destination.mine = mine_;
    if (memory_ != nullptr) destination.room = [this](std::size_t target) { return tensor_of(target); };
    const std::vector<std::size_t> wanted = wanted_chunks(mine_);
    assembler_.emplace(plan_, mesh_, world_.rank(), options_.device, std::move(destination));
    ChunkReader reader(plan_, chunks_, wanted, sources_, read_where_mapped(), stays_, world_.rank());
    while (const std::optional<ChunkReader::Read> read = reader.next()) {
      if (alarm_.rung()) return;
      if (digests_here(read->chunk)) {
        leaves_.push_back(timed(work_.busy.hash, [&] { return registry::leaf_digest(read->bytes); }));
        work_.verified_bytes += read->bytes.size();
      }
      timed(work_.busy.copy, [&] { assembler_->add(chunks_[read->chunk], read->bytes); });
    }
    work_.read_bytes = reader.work().read_bytes;
    work_.busy.read += reader.work().busy.read;
    work_.stall.read = reader.work().stall.read;
    timed(work_.busy.read, [this] { populate_others(); });
    for (std::size_t f = 0; f < sources_.size(); ++f) expect_as_planned(plan_.files[f], *sources_[f]);
  }

  /// What is mapped and on the disk yet is read: the page cache then has it in larger pieces, which are
  /// mapped in a tenth of the time, than where pages are read as they are mapped.
  const ChunkReader::Maps& read_where_mapped() const {
    static const ChunkReader::Maps none;
    return cached_ ? maps_ : none;
  }

  /// Has the pages that tensors lie in mapped, but for those that were so to be digested.
  void populate_others() {
    if (maps_.empty()) return;
    constexpr std::size_t alarm_every = 64;  // MPI gives the processor away where it has nothing to say
    for (std::size_t i = 0; i < chunks_.size(); ++i) {
      const std::size_t at = (first_digested() + i) % chunks_.size();
      const Chunk& chunk = chunks_[at];
      if (i % alarm_every == 0 && alarm_.rung()) return;
      if (stays_[chunk.file] && !(cached_ && digests_here(at))) populate(maps_, plan_, chunk, world_.rank());
    }
  }

  /// Chunks that this rank digests for its machine: a range, so that it is near what it makes.
  bool digests_here(std::size_t chunk) const { return options_.hash && is_of_my_part(chunk); }
  bool is_of_my_part(std::size_t chunk) const {
    return chunk >= first_digested() && chunk < first_digested(1);
  }
  /// The first of them, or of those of a rank further on.
  std::size_t first_digested(std::size_t further = 0) const {
    const auto ranks = static_cast<std::size_t>(nodes_.local().size());
    return chunks_.size() * (static_cast<std::size_t>(nodes_.local().rank()) + further) / ranks;
  }

  std::vector<std::size_t> wanted_chunks(const std::vector<bool>& mine) const {
    const std::vector<bool> wanted = needed_chunks(plan_, places_, mine);
    std::vector<std::size_t> numbers;
    const bool reads_for_all = !maps_.empty() && !cached_;
    for (std::size_t i = 0; i < chunks_.size(); ++i) {
      if (wanted[i] || digests_here(i) || (reads_for_all && is_of_my_part(i))) numbers.push_back(i);
    }
    return numbers;
  }

  /// The leaves of all chunks, from the ranks of this machine, held against those of the first machine. What
  /// differs is read once more before that is an error. Collective.
  std::vector<registry::FileDigest> digests() {
    std::vector<registry::FileDigest> digests;
    for (const registry::WeightFile& file : plan_.files) digests.push_back({.size = file.size, .leaves = {}});
    if (!options_.hash) return digests;
    MachineLeaves leaves(nodes_, plan_, chunks_, leaves_);
    if (!are_same(leaves)) {
      const std::vector<bool> differ = leaves.differing(nodes_);
      std::map<std::size_t, registry::Leaf> again;
      agree(world_, [&] { again = read_again(differ); });
      leaves = MachineLeaves(nodes_, plan_, chunks_, leaves_);
      agree(world_, [&] {
        leaves.expect_same();
        for (const auto& [chunk, leaf] : again) leaves.expect(chunk, leaf);
      });
    }
    for (std::size_t i = 0; i < chunks_.size(); ++i)
      digests[chunks_[i].file].leaves.push_back(leaves.here(i));
    return digests;
  }

  bool are_same(const MachineLeaves& leaves) const {
    if (nodes_.count() == 1) return true;
    try {
      agree(world_, [&] { leaves.expect_same(); });
      return true;
    } catch (const AgreedError& error) {
      if (error.doing() != verifying_weights) throw;
      if (options_.read_again) options_.read_again(error);
      return false;
    }
  }

  /// Reads chunks once more, each with the others that its tensors are made of, and makes these anew: of a
  /// chunk alone no tensor can be made. Gives the digests of all that it read.
  std::map<std::size_t, registry::Leaf> read_again(const std::vector<bool>& differ) {
    std::vector<bool> spoilt = targets_of(plan_, places_, differ);
    for (std::size_t i = 0; i < spoilt.size(); ++i) spoilt[i] = spoilt[i] && mine_[i];
    const std::vector<bool> needed = needed_chunks(plan_, places_, spoilt);
    std::vector<std::size_t> wanted;
    for (std::size_t i = 0; i < chunks_.size(); ++i) {
      if (needed[i] || (differ[i] && digests_here(i))) wanted.push_back(i);
    }
    std::map<std::size_t, registry::Leaf> found;
    sources_ = open_files(plan_, options_.open);
    assembler_->make_again(std::move(spoilt));
    ChunkReader reader(plan_, chunks_, std::move(wanted), sources_, maps_, stays_, world_.rank());
    while (const std::optional<ChunkReader::Read> read = reader.next()) {
      const registry::Leaf leaf = registry::leaf_digest(read->bytes);
      found[read->chunk] = leaf;
      if (digests_here(read->chunk)) leaves_[read->chunk - first_digested()] = leaf;
      assembler_->add(chunks_[read->chunk], read->bytes);
    }
    work_.read_bytes += reader.work().read_bytes;
    return found;
  }

  void finish(StreamedComponent& result) {
    result.tensors = assembler_->finish();
    result.blocks = assembler_->blocks();
    result.bytes = plan_.file_bytes();
    if (!shares_) {
      for (const auto& [name, tensor] : result.tensors) work_.private_bytes += tensor.nbytes();
      result.work = work_;
      return;
    }
    for (std::size_t i = 0; i < made_.size(); ++i) {
      const std::string& name = places_.targets()[i].name;
      // Told once a team; what a rank made for itself alone is its own.
      if (leads_) (alone_ && !made_[i].stays() ? work_.private_bytes : work_.shared_bytes) += made_[i].bytes;
      if (leads_ && made_[i].stays()) work_.mapped_bytes += made_[i].bytes;
      if (!result.tensors.contains(name)) result.tensors.emplace(name, tensor_of(i));
    }
    result.work = work_;
  }

  const Nodes& nodes_;
  const Communicator& world_;
  const ComponentPlan& plan_;
  const Mesh& mesh_;
  const LoadOptions& options_;
  std::vector<Chunk> chunks_;
  Places places_;
  Alarm alarm_;
  bool shares_;
  bool leads_ = true;   ///< its team, or itself
  bool alone_ = false;  ///< in its team
  Sources sources_;
  ChunkReader::Maps maps_;
  bool cached_ = false;      ///< what is mapped
  std::vector<bool> stays_;  ///< files that tensors lie in
  std::vector<Made> made_;   ///< by target
  std::vector<bool> mine_;   ///< that this rank makes
  std::size_t memory_bytes_ = 0;
  std::shared_ptr<TensorMemory> memory_;
  std::optional<Assembler> assembler_;
  std::vector<registry::Leaf> leaves_;
  LoadWork work_;
};

}  // namespace

StreamedComponent load_on_nodes(const Nodes& nodes, const ComponentPlan& plan, const Mesh& mesh,
                                const LoadOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  std::optional<NodeLoad> load;
  agree(nodes.world(), [&] {
    check_plan(plan);
    load.emplace(nodes, plan, mesh, options);
    load->open();
  });
  StreamedComponent result = load->run();
  result.reading_machines = nodes.count();
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace ditmill::dist
