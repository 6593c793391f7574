# cmake -DCOMPILER=... -DSOURCE=... -DROOT=... -DCASE=RIGHT|WRONG_... [-DREASON=REGEX] -P check.cmake
# A wrong case must fail to compile, for its reason and for no other.
execute_process(
  COMMAND ${CMAKE_COMMAND} -E env LC_ALL=C
          ${COMPILER} -std=c++20 -fsyntax-only -I${ROOT} -D${CASE} ${SOURCE}
  RESULT_VARIABLE result ERROR_VARIABLE errors OUTPUT_VARIABLE output)
if(CASE STREQUAL "RIGHT")
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "the right use does not compile:\n${errors}")
  endif()
  return()
endif()
if(result EQUAL 0)
  message(FATAL_ERROR "${CASE} compiles")
endif()
string(REGEX MATCHALL "error: [^\n]*" found "${errors}")
list(LENGTH found count)
if(NOT count EQUAL 1 OR NOT found MATCHES "${REASON}")
  message(FATAL_ERROR "${CASE} fails, but not (only) because of '${REASON}':\n${errors}")
endif()
