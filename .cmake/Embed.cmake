# ditmill_embed(target function FILES ...): compiles text files into target. `function` names a generated
#   std::span<const ditmill::EmbeddedText> ditmill::embedded::<function>();
# declared in configs/embedded.h.
function(ditmill_embed target function)
  cmake_parse_arguments(EMBED "" "" "FILES" ${ARGN})
  set(output ${CMAKE_BINARY_DIR}/generated/embedded_${function}.cpp)
  set(body "")
  set(count 0)
  foreach(file IN LISTS EMBED_FILES)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(READ ${file} text)
    get_filename_component(stem ${file} NAME_WE)
    file(RELATIVE_PATH relative ${CMAKE_SOURCE_DIR} ${file})
    get_filename_component(stem ${file} NAME_WLE)
    string(APPEND body "    {\"${stem}\", \"${relative}\", R\"embedded(${text})embedded\"},\n")
    math(EXPR count "${count} + 1")
  endforeach()
  file(CONFIGURE OUTPUT ${output} @ONLY CONTENT "#include \"configs/embedded.h\"

namespace ditmill::embedded {
namespace {
constexpr EmbeddedText @function@_texts[] = {
@body@};
}  // namespace
std::span<const EmbeddedText> @function@() { return @function@_texts; }
}  // namespace ditmill::embedded
")
  target_sources(${target} PRIVATE ${output})
endfunction()
