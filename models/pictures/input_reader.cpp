#include "models/pictures/input_reader.h"

#include "models/pictures/input_picture.h"

namespace ditmill::models::pictures {
namespace {

InputReader::Pictures read_all(const InputReader::Files& files) {
  InputReader::Pictures pictures;
  for (const configs::FileValue& file : files) pictures.push_back(read_input(file));
  return pictures;
}

}  // namespace

void InputReader::ahead(const Files& files) {
  if (files.empty() || (pictures_.valid() && coming_ == files)) return;
  coming_ = files;
  pictures_ = std::async(std::launch::async, [files] { return read_all(files); });
}

InputReader::Pictures InputReader::read(const Files& files) {
  if (pictures_.valid() && coming_ == files) return pictures_.get();
  return read_all(files);
}

}  // namespace ditmill::models::pictures
