#include "models/pictures/input_picture.h"

#include <memory>
#include <vector>

#include "configs/error.h"
#include "models/pictures/read_picture.h"
#include "registry/byte_source.h"
#include "registry/digest.h"

namespace ditmill::models::pictures {

Picture read_input(const configs::FileValue& file) {
  const std::unique_ptr<registry::ByteSource> source = registry::open_file(file.path);
  if (source->size() > max_file_bytes) return decode(*source);  // which refuses it
  std::vector<std::byte> bytes(source->size());
  source->read_at(0, bytes);
  const std::string sha256 =
      registry::sha256_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (sha256 != file.sha256) {
    throw Error{Category::bad_input,
                "read a picture",
                Where{.file = file.path},
                Expected{"the bytes that the job was frozen with, SHA-256 " + file.sha256},
                Got{sha256},
                "the file has changed since: put the old one back, or name the new one by another item"};
  }
  return decode(*registry::memory_source(file.path, bytes));
}

}  // namespace ditmill::models::pictures
