add_library(ditmill_flags INTERFACE)
target_compile_options(ditmill_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Werror>)
target_include_directories(ditmill_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
target_link_libraries(ditmill_flags INTERFACE fmt::fmt nlohmann_json::nlohmann_json)
