#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "configs/error.h"
#include "configs/pipeline_config.h"
#include "configs/request.h"
#include "configs/resolution.h"
#include "models/cpu_kind.h"
#include "registry/component.h"

namespace ditmill::models {

/// The layer that a field belongs to.
enum class Layer { pipeline, request };

/// Effective hyper-parameters of each component, by name.
using HyperParameters = std::map<std::string, nlohmann::json, std::less<>>;

/// Peak bytes of activations of one item on one rank, by what is being done.
struct ActivationBytes {
  std::uint64_t encode = 0;    ///< one text
  std::uint64_t pictures = 0;  ///< what an item begins with
  std::uint64_t denoise = 0;
  std::uint64_t decode = 0;  ///< with the frames that come out

  std::uint64_t most() const noexcept { return std::max({encode, pictures, denoise, decode}); }
};

/// Floating-point operations of one item's denoising, all steps and passes, over all ranks: what grows with
/// its tokens, and what grows with their square.
struct DenoiseFlops {
  double linear = 0;
  double quadratic = 0;

  double all() const noexcept { return linear + quadratic; }
};

/// What the text encoder takes of a tokenizer.
struct TextLimits {
  std::int64_t tokens = 0;      ///< of a text, its end with them: what is behind them is cut off
  std::int64_t vocabulary = 0;  ///< ids are below it
};

/// What an encoding is for: what the passes of guidance are told.
enum class Use { positive, negative };

/// A task of encoding: which encoder sees which field of a request, and what for.
struct Encoding {
  std::string encoder;  ///< a component, by name
  std::string field;
  Use use = Use::positive;
};

/// A text and the encoder that it is for.
struct TextTask {
  std::string encoder;
  std::string text;

  bool operator==(const TextTask&) const = default;
  bool operator<(const TextTask& other) const {
    return std::tie(encoder, text) < std::tie(other.encoder, other.text);
  }
};

/// What an item goes through: a job's texts, its pictures, steps of denoising, decoding.
struct Phase {
  enum class Kind { texts, pictures, denoise, decode };
  Kind kind;
  std::string name;                     ///< for people: "denoise", "high noise"
  std::vector<std::string> components;  ///< that it takes, by name
};

/// The pure part of a model family: what can be said from headers, without LibTorch. Each models/<family>/
/// gives one object; CMake makes the table from the folders.
class Family {
 public:
  virtual ~Family() = default;

  virtual std::string_view name() const noexcept = 0;
  /// What its transformers predict, as schedulers name it: "flow", "epsilon", "v_prediction".
  virtual std::string_view prediction_type() const noexcept = 0;
  /// The effective hyper-parameters of one of the family's components, from its shapes, its config.json and
  /// its catalog entry. Accounts for every tensor. Throws Error(bad_input) where they contradict each other,
  /// and Error(unsupported) where config.json asks for math that ditmill lacks.
  virtual nlohmann::json bind(const registry::Component& component) const = 0;
  /// Throws Error(bad_input) where components do not fit each other (text width, latent channels).
  virtual void check_together(const HyperParameters& all) const = 0;
  /// The architecture in the catalog whose tensors the layers of a role take: which stay float32, how each is
  /// cut.
  virtual std::string_view architecture(std::string_view role) const = 0;
  /// Whether a model takes a field that the family declares (fields.yaml).
  virtual bool takes(const HyperParameters& /*all*/, std::string_view /*field*/) const { return true; }
  /// The fields of any family's requests or pipelines that a model does not take.
  std::set<std::string, std::less<>> lacking(const HyperParameters& all, Layer layer) const;
  /// Width and height of a clip of about `area` pixels that begins with a picture of those sides.
  virtual configs::FrameSize size_of_picture(const HyperParameters& /*all*/, int width, int height,
                                             std::int64_t /*area*/) const {
    return {width, height};
  }
  /// The fields of the family's own that no request may be without.
  virtual std::set<std::string, std::less<>> required(const HyperParameters& /*all*/) const { return {}; }
  /// The outputs that other families declare and this one does not.
  std::set<std::string, std::less<>> lacking_outputs() const;
  /// The shape of an output of the family's own (fields.yaml).
  virtual std::vector<std::int64_t> output_shape(const HyperParameters& /*all*/,
                                                 const configs::Request& /*request*/,
                                                 std::string_view /*output*/) const {
    return {};
  }
  /// What the family refuses of a request's sizes, with the nearest sizes that it takes (file, line and
  /// column are the caller's to fill).
  virtual std::vector<Problem> check_request(const HyperParameters& all,
                                             const configs::Request& request) const = 0;
  /// What the model is too small for: degrees with which a rank would be left without heads, columns or
  /// blocks. Each message begins with the axis, `nearest` holds the largest degree that works.
  virtual std::vector<Problem> check_degrees(const HyperParameters& all,
                                             const configs::ParallelConfig& parallel) const = 0;
  /// What of each request is encoded, as a pipeline has it; the tasks of a use in the order that its pass is
  /// told.
  virtual std::vector<Encoding> encodings(const configs::PipelineConfig& pipeline) const = 0;
  /// In the order that an item goes through them: together they take every component.
  virtual std::vector<Phase> phases(const HyperParameters& all) const = 0;
  /// How many clips a group denoises together: so many are handed to it at a time.
  virtual std::size_t clips_together(const configs::PipelineConfig& /*pipeline*/) const { return 1; }
  /// Takes out of a pipeline what changes nothing beside its other fields, so that it changes no key either.
  virtual void settle(configs::PipelineConfig& /*pipeline*/) const {}
  /// What a pipeline lacks that the model needs: each message is what is wrong with `field`.
  virtual std::vector<Problem> check_pipeline(const HyperParameters& /*all*/,
                                              const configs::PipelineConfig& /*pipeline*/) const {
    return {};
  }
  /// Channels, frames, height and width of a request's latent.
  virtual std::array<std::int64_t, 4> latent_shape(const HyperParameters& all,
                                                   const configs::Request& request) const = 0;
  /// Estimates from above, for a rank on such a CPU.
  virtual ActivationBytes activation_bytes(const HyperParameters& all,
                                           const configs::PipelineConfig& pipeline,
                                           const configs::Request& request, const CpuKind& cpu) const = 0;
  /// What denoising a request takes, so that sizes that were measured tell of others.
  virtual DenoiseFlops denoise_flops(const HyperParameters& all, const configs::PipelineConfig& pipeline,
                                     const configs::Request& request) const = 0;
  /// Tokens of a request's latent, as blocks attend to them.
  virtual std::int64_t token_count(const HyperParameters& all, const configs::Request& request) const = 0;
  /// The tensors that an embedding of so many tokens consists of, as the model's transformer takes it.
  virtual std::map<std::string, std::vector<std::int64_t>> embedding(const HyperParameters& all,
                                                                     std::string_view encoder,
                                                                     std::int64_t tokens) const = 0;
  virtual TextLimits text_limits(const HyperParameters& all) const = 0;
  /// Bytes of a text's embedding as an encoder gives it, trimmed to its tokens: an estimate from above
  /// that does not tokenise.
  virtual std::uint64_t embedding_bytes(const HyperParameters& all, const configs::PipelineConfig& pipeline,
                                        std::string_view encoder, std::string_view text) const = 0;
};

/// All families, in the order of their folders.
std::span<const Family* const> families();
/// The family of that name; throws Error(unsupported) naming those there are.
const Family& family_named(std::string_view name);

}  // namespace ditmill::models
