#include "models/generator.h"

#include <c10/util/Exception.h>

#include <new>

#include "models/generator_table.h"

namespace ditmill::models {
namespace {

bool is_out_of_memory(std::string_view message) {
  // LibTorch's CPU allocator has no exception type of its own.
  for (const std::string_view words : {"can't allocate memory", "not enough memory", "out of memory"}) {
    if (message.find(words) != std::string_view::npos) return true;
  }
  return false;
}

Error out_of_memory(std::string_view words) {
  return Error{Category::memory,
               "allocate memory",
               {},
               Expected{"room for the activations of one item"},
               Got{printable(words, 300)},
               "ask for fewer frames or a smaller picture, or give each rank more memory"};
}

}  // namespace

void translate_errors(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc& e) {
    throw out_of_memory(e.what());
  } catch (const c10::Error& e) {
    const std::string words = e.what_without_backtrace();
    if (is_out_of_memory(words)) throw out_of_memory(words);
    throw Error{Category::internal, "compute with LibTorch", {}, {}, Got{printable(words, 500)}};
  }
}

std::unique_ptr<ClipGenerator> make_generator(LoadedModel model, const configs::PipelineConfig& pipeline,
                                              const dist::ParallelContext& parallel) {
  for (const GeneratorEntry& entry : generator_table()) {
    if (entry.family != model.family) continue;
    std::unique_ptr<ClipGenerator> generator;
    translate_errors([&] { generator = entry.make(std::move(model), pipeline, parallel); });
    return generator;
  }
  throw Error{Category::unsupported,
              "build the model",
              {},
              Expected{"a family that ditmill has layers for"},
              Got{printable(model.family, 80)}};
}

}  // namespace ditmill::models
