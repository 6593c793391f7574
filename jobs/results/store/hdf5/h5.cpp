#include "jobs/results/store/hdf5/h5.h"

#include <charconv>
#include <optional>
#include <string_view>

namespace ditmill::jobs::results::h5 {
namespace {

constexpr std::size_t max_stack_text = 600;
// Every item has some twenty attributes: kept in the object header, they cost one read and no index of their
// own.
constexpr unsigned compact_attributes = 64;

struct Stack {
  std::string text;
  std::optional<int> error_number;
};

herr_t take_frame(unsigned, const H5E_error2_t* frame, void* out) {
  auto& stack = *static_cast<Stack*>(out);
  std::string_view words = frame->desc == nullptr ? "" : frame->desc;
  words =
      words.substr(0, words.find(" (may use <h5clear"));  // whoever catches it knows the cure for our files
  static constexpr std::string_view marker = "errno = ";
  if (const auto at = words.find(marker); at != std::string_view::npos && !stack.error_number) {
    int number = 0;
    const char* first = words.data() + at + marker.size();
    if (std::from_chars(first, words.data() + words.size(), number).ec == std::errc())
      stack.error_number = number;
  }
  if (stack.text.size() < max_stack_text && stack.text.find(words) == std::string::npos) {
    if (!stack.text.empty()) stack.text += "; ";
    stack.text += words;
  }
  return 0;
}

struct Quiet {
  Quiet() { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }
};

}  // namespace

void quiet() { thread_local const Quiet once; }

Error failure(std::string doing, const std::string& file, Category otherwise) {
  Stack stack;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_frame, &stack);
  Category category = otherwise;
  if (stack.error_number) category = system_error(*stack.error_number, "").category();
  return Error(category, std::move(doing), Where{.file = file}, {},
               Got{printable(stack.text, max_stack_text)});
}

Properties file_access(const std::string& file) {
  Properties access(call<H5Pcreate>("prepare an HDF5 file", file, H5P_FILE_ACCESS));
  call<H5Pset_fclose_degree>("prepare an HDF5 file", file, access.get(), H5F_CLOSE_STRONG);
  call<H5Pset_file_locking>("prepare an HDF5 file", file, access.get(), hbool_t{false}, hbool_t{true});
  call<H5Pset_libver_bounds>("prepare an HDF5 file", file, access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110);
  return access;
}

File open_file(const std::string& path) {
  const Properties access = file_access(path);
  quiet();
  File file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()));
  if (!file) throw failure("open an HDF5 file", path, Category::bad_input);
  return file;
}

Group create_group(hid_t parent, const std::string& name, const std::string& file) {
  const Properties creation(call<H5Pcreate>("prepare a group", file, H5P_GROUP_CREATE));
  call<H5Pset_attr_phase_change>("prepare a group", file, creation.get(), compact_attributes,
                                 compact_attributes / 2);
  return Group(call<H5Gcreate2>("create a group", file, parent, name.c_str(), H5P_DEFAULT, creation.get(),
                                H5P_DEFAULT));
}

Group open_group(hid_t parent, const std::string& name, const std::string& file) {
  quiet();
  Group group(H5Gopen2(parent, name.c_str(), H5P_DEFAULT));
  if (!group) throw failure("open group " + name, file, Category::bad_input);
  return group;
}

bool has_link(hid_t parent, const std::string& name, const std::string& file) {
  return call<H5Lexists>("look up a link", file, parent, name.c_str(), H5P_DEFAULT) > 0;
}

}  // namespace ditmill::jobs::results::h5
