#include "models/generator.h"

#include <c10/util/Exception.h>

#include <new>

#include "dist/torch_error.h"
#include "models/generator_table.h"

namespace ditmill::models {
namespace {

Error out_of_memory(std::string_view words) {
  return Error{Category::memory,
               "allocate memory",
               {},
               Expected{"room for the activations of one item"},
               Got{printable(words, 300)},
               "ask for fewer frames or a smaller picture, or give each rank more memory"};
}

const GeneratorEntry& entry_of(const std::string& family) {
  for (const GeneratorEntry& entry : generator_table()) {
    if (entry.family == family) return entry;
  }
  throw Error{Category::unsupported,
              "build the model",
              {},
              Expected{"a family that ditmill has layers for"},
              Got{printable(family, 80)}};
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
    if (dist::is_out_of_memory(words)) throw out_of_memory(words);
    throw Error{Category::internal, "compute with LibTorch", {}, {}, Got{printable(words, 500)}};
  }
}

std::unique_ptr<TextEncoder> make_text_encoder(LoadedModel& model, const dist::ParallelContext& parallel) {
  std::unique_ptr<TextEncoder> encoder;
  translate_errors([&] { encoder = entry_of(model.family).make_text_encoder(model, parallel); });
  return encoder;
}

std::unique_ptr<ClipGenerator> make_generator(LoadedModel& model, const configs::PipelineConfig& pipeline,
                                              const dist::ParallelContext& parallel) {
  std::unique_ptr<ClipGenerator> generator;
  translate_errors([&] { generator = entry_of(model.family).make_generator(model, pipeline, parallel); });
  return generator;
}

}  // namespace ditmill::models
