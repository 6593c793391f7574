#include "jobs/results/store/hdf5/h5_attribute.h"

#include <cstring>
#include <exception>

#include "configs/utf8.h"

namespace ditmill::jobs::results::h5 {
namespace {

Type string_type(const std::string& file) {
  Type type(call<H5Tcopy>("describe a string", file, H5T_C_S1));
  call<H5Tset_size>("describe a string", file, type.get(), H5T_VARIABLE);
  call<H5Tset_cset>("describe a string", file, type.get(), H5T_CSET_UTF8);
  return type;
}

void write_attribute(hid_t object, const std::string& name, hid_t type, const Space& space, const void* data,
                     const std::string& file) {
  const Attribute attribute(call<H5Acreate2>("create an attribute", file, object, name.c_str(), type,
                                             space.get(), H5P_DEFAULT, H5P_DEFAULT));
  call<H5Awrite>("write an attribute", file, attribute.get(), type, data);
}

void require_text(const std::string& name, const std::string& text, const std::string& file) {
  if (utf8::find_invalid(text) == std::string::npos && text.find('\0') == std::string::npos) return;
  throw Error(Category::internal, "write attribute " + name, Where{.file = file},
              Expected{"UTF-8 text without NUL"}, Got{printable(text)});
}

std::string read_string(const Attribute& attribute, const Type& type, const std::string& file) {
  if (call<H5Tis_variable_str>("read an attribute", file, type.get()) > 0) {
    char* text = nullptr;
    call<H5Aread>("read an attribute", file, attribute.get(), type.get(), &text);
    std::string copy = text == nullptr ? "" : text;
    H5free_memory(text);
    return copy;
  }
  std::string text(H5Tget_size(type.get()), '\0');
  call<H5Aread>("read an attribute", file, attribute.get(), type.get(), text.data());
  text.resize(std::strlen(text.c_str()));
  return text;
}

template <typename T>
T read_number(const Attribute& attribute, hid_t type, const std::string& file) {
  T value{};
  call<H5Aread>("read an attribute", file, attribute.get(), type, &value);
  return value;
}

struct AttributeList {
  Attributes values;
  const std::string* file;
  std::exception_ptr error;
};

herr_t take_attribute(hid_t object, const char* name, const H5A_info_t*, void* out) {
  auto& list = *static_cast<AttributeList*>(out);
  const std::string& file = *list.file;
  // An exception must not pass through HDF5's C frames.
  try {
    const Attribute attribute(call<H5Aopen>("open an attribute", file, object, name, H5P_DEFAULT));
    const Space space(call<H5Aget_space>("open an attribute", file, attribute.get()));
    const Type type(call<H5Aget_type>("open an attribute", file, attribute.get()));
    if (H5Sget_simple_extent_type(space.get()) != H5S_SCALAR) return 0;
    switch (H5Tget_class(type.get())) {
      case H5T_STRING:
        list.values.emplace_back(name, read_string(attribute, type, file));
        break;
      case H5T_INTEGER:
        list.values.emplace_back(name, read_number<std::int64_t>(attribute, H5T_NATIVE_INT64, file));
        break;
      case H5T_FLOAT:
        list.values.emplace_back(name, read_number<double>(attribute, H5T_NATIVE_DOUBLE, file));
        break;
      default:
        break;
    }
    return 0;
  } catch (...) {
    list.error = std::current_exception();
    return -1;
  }
}

}  // namespace

void write_attribute(hid_t object, const std::string& name, const Value& value, const std::string& file) {
  const Space scalar(call<H5Screate>("create an attribute", file, H5S_SCALAR));
  if (const auto* text = std::get_if<std::string>(&value)) {
    require_text(name, *text, file);
    const Type type = string_type(file);
    const char* pointer = text->c_str();
    write_attribute(object, name, type.get(), scalar, &pointer, file);
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    write_attribute(object, name, H5T_STD_I64LE, scalar, integer, file);
  } else {
    write_attribute(object, name, H5T_IEEE_F64LE, scalar, &std::get<double>(value), file);
  }
}

void write_attribute(hid_t object, const std::string& name, std::span<const std::string> values,
                     const std::string& file) {
  std::vector<const char*> pointers;
  pointers.reserve(values.size());
  for (const std::string& value : values) {
    require_text(name, value, file);
    pointers.push_back(value.c_str());
  }
  const hsize_t count = values.size();
  const Space space(call<H5Screate_simple>("create an attribute", file, 1, &count, nullptr));
  const Type type = string_type(file);
  // HDF5 asks for a buffer even where there is nothing to write.
  const char* nothing = nullptr;
  write_attribute(object, name, type.get(), space, pointers.empty() ? &nothing : pointers.data(), file);
}

Attributes read_attributes(hid_t object, const std::string& file) {
  AttributeList list{.values = {}, .file = &file, .error = {}};
  quiet();
  const herr_t result = H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, nullptr, take_attribute, &list);
  if (list.error) std::rethrow_exception(list.error);
  if (result < 0) throw failure("read attributes", file, Category::bad_input);
  return std::move(list.values);
}

}  // namespace ditmill::jobs::results::h5
