# Compiler cache and linker: both only make builds faster, so both are optional.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # A precompiled header needs these two, or ccache passes every such file to the compiler.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=true  # clones share what they compile
      ${CCACHE_PROGRAM})
endif()

find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()

set(DITMILL_SANITIZE "" CACHE STRING "Value of -fsanitize= for the whole build")
if(DITMILL_SANITIZE)
  add_compile_options(-fsanitize=${DITMILL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${DITMILL_SANITIZE})
endif()

# ditmill_split_debug(target): its debug information goes into a file beside it, where gdb and addr2line find it. What is
# copied to nodes is a tenth of the size.
find_program(OBJCOPY_PROGRAM objcopy)
function(ditmill_split_debug target)
  if(OBJCOPY_PROGRAM AND NOT DITMILL_SANITIZE)
    add_custom_command(TARGET ${target} POST_BUILD
      COMMAND ${OBJCOPY_PROGRAM} --only-keep-debug $<TARGET_FILE:${target}> $<TARGET_FILE:${target}>.debug
      COMMAND ${OBJCOPY_PROGRAM} --strip-unneeded --add-gnu-debuglink=$<TARGET_FILE:${target}>.debug $<TARGET_FILE:${target}>
      VERBATIM)
  endif()
endfunction()
