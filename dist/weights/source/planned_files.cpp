#include "dist/weights/source/planned_files.h"

#include <utility>

namespace ditmill::dist {
namespace {

std::string stamp_text(const registry::FileStamp& stamp) {
  return std::to_string(stamp.size) + " bytes, modified at " + std::to_string(stamp.mtime_ns) +
         " ns, inode " + std::to_string(stamp.inode);
}

}  // namespace

void expect_as_planned(const registry::WeightFile& file, const registry::ByteSource& source) {
  const registry::FileStamp planned = file.stamp();
  registry::FileStamp found = planned;
  found.size = source.size();
  if (file.mtime_ns != 0 && found == planned) found = registry::file_stamp(file.path);
  if (found == planned) return;
  const bool resized = found.size != planned.size;
  throw Error{Category::bad_input,
              "load weights",
              Where{.file = file.path},
              Expected{(resized ? std::to_string(planned.size) + " bytes" : stamp_text(planned)) +
                       ", as when its header was read"},
              Got{resized ? std::to_string(found.size) + " bytes" : stamp_text(found)},
              "the file was changed while the job started; start again when it is complete"};
}

Sources open_files(const ComponentPlan& plan, const OpenSource& open) {
  Sources sources;
  for (const registry::WeightFile& file : plan.files) {
    sources.push_back(open(file.path));
    expect_as_planned(file, *sources.back());
  }
  return sources;
}

Where place_of(const ComponentPlan& plan, const Chunk& chunk, int rank) {
  const registry::WeightFile& file = plan.files[chunk.file];
  return {.file = file.path,
          .offset = chunk.offset,
          .tensor = tensors_in(file, chunk.offset, chunk.offset + chunk.length),
          .rank = rank};
}

Error with_place(const Error& error, const ComponentPlan& plan, const Chunk& chunk, int rank) {
  const registry::WeightFile& file = plan.files[chunk.file];
  Where where = error.where();
  if (where.file.empty()) where.file = file.path;
  const bool exact = where.offset.has_value() && *where.offset > chunk.offset;
  if (!where.offset) where.offset = chunk.offset;
  where.tensor = exact ? tensors_in(file, *where.offset, *where.offset + 1)
                       : tensors_in(file, chunk.offset, chunk.offset + chunk.length);
  where.rank = rank;
  return error.with({.where = std::move(where)});
}

}  // namespace ditmill::dist
