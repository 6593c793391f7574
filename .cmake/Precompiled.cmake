# What most files include is compiled once for each kind of target. A kind is also how its targets are optimised: GCC
# takes a precompiled header only where the options are the same.
#   common  rooms whose speed counts
#   cold    rooms that read a manifest, print a report: -O1 takes a third less of the compiler's time
#   aten    what sees tensors (388 MB, 20 s to make, 1.5 s instead of 8 s a file)
#   test    tests, -O1, with GoogleTest
set(_common <algorithm> <array> <atomic> <charconv> <chrono> <cmath> <condition_variable> <cstdint> <filesystem>
  <fstream> <functional> <iostream> <limits> <map> <memory> <mutex> <numeric> <optional> <ranges> <set> <span>
  <sstream> <string> <string_view> <system_error> <thread> <unordered_map> <utility> <variant> <vector>
  <fmt/format.h> <fmt/ranges.h> <nlohmann/json.hpp>)

function(_ditmill_kind kind)
  cmake_parse_arguments(KIND "" "" "OPTIONS;USES;HEADERS" ${ARGN})
  file(WRITE ${CMAKE_BINARY_DIR}/precompiled/${kind}.cpp "")
  add_library(ditmill_${kind}_pch OBJECT ${CMAKE_BINARY_DIR}/precompiled/${kind}.cpp)
  target_compile_options(ditmill_${kind}_pch PRIVATE ${KIND_OPTIONS})
  target_link_libraries(ditmill_${kind}_pch PRIVATE ditmill_flags ${KIND_USES})
  target_precompile_headers(ditmill_${kind}_pch PRIVATE ${KIND_HEADERS})
endfunction()
_ditmill_kind(common HEADERS ${_common})
# GCC 12 takes `std::string{...} + "..."` for overflows at -O1 (its PR 105651).
set(_cold -O1 -Wno-array-bounds -Wno-stringop-overflow -Wno-restrict)
_ditmill_kind(cold OPTIONS ${_cold} HEADERS ${_common})
_ditmill_kind(aten USES torch::cpu HEADERS <ATen/ATen.h> ${_common})
if(BUILD_TESTING)
  _ditmill_kind(test OPTIONS ${_cold} USES GTest::gmock HEADERS ${_common} <gmock/gmock.h>)
endif()

# ditmill_precompiled(target kind): makes it one of that kind.
function(ditmill_precompiled target kind)
  get_target_property(options ditmill_${kind}_pch COMPILE_OPTIONS)
  if(options)
    target_compile_options(${target} PRIVATE ${options})
  endif()
  target_precompile_headers(${target} REUSE_FROM ditmill_${kind}_pch)
endfunction()
