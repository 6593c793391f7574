# ditmill_room(name [ATEN | COLD] [TOGETHER n] SOURCES ... USES ...): a room's library. USES names what it may include
# and link. ATEN: it sees tensors. COLD: its speed does not count. TOGETHER: so many of its files are compiled as one,
# which costs about half; names of their anonymous namespaces must then differ.
function(ditmill_room name)
  cmake_parse_arguments(ROOM "ATEN;COLD" "TOGETHER" "SOURCES;USES" ${ARGN})
  add_library(${name} STATIC ${ROOM_SOURCES})
  target_link_libraries(${name} PUBLIC ditmill_flags ${ROOM_USES})
  if(ROOM_ATEN)
    _ditmill_aten(${name})
  elseif(ROOM_COLD)
    ditmill_precompiled(${name} cold)
  else()
    ditmill_precompiled(${name} common)
  endif()
  if(ROOM_TOGETHER)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${ROOM_TOGETHER})
  endif()
endfunction()

function(_ditmill_aten name)
  target_link_libraries(${name} PUBLIC torch::cpu)
  ditmill_precompiled(${name} aten)
endfunction()

# What caps LibTorch at AVX2, as on a CPU without native bfloat16; DITMILL_HAS_MORE: this machine has more than that, so
# that tests at both levels are two.
set(DITMILL_AVX2_CAP ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2)
file(STRINGS /proc/cpuinfo avx512_flags REGEX "avx512bw" LIMIT_COUNT 1)
set(DITMILL_HAS_MORE OFF)
if(avx512_flags)
  set(DITMILL_HAS_MORE ON)
endif()

# Seconds of the longest tests (2 cores, November 2026): ctest begins with these where it has no times of its own yet.
set(DITMILL_TEST_SECONDS
  reference.test_offload 90 bench_step_test 85 reference.test_layouts 70 reference.test_layout_faults 65 field.check 40
  field.results 50 field.weights 45 bench_sweep_test 40 field.launch 35 bench_load_test 35 reference.test_vae 30
  layouts_test 30 registry.pth 28 registry_test 30 models_test.avx2 30 field.lists 25 run_room_test 20 plan_room_test 15
  models_layers_test 15 models_layers_test.avx2 15 models_test 12 tools.tidy 15 registry.cascade 12)

# _ditmill_schedule(name [slots]): ctest starts tests until three slots a core are taken. A test that computes takes two
# (default), one that mostly waits one; the longest begin first.
function(_ditmill_schedule name)
  set(slots 2)
  if(ARGC GREATER 1)
    set(slots ${ARGV1})
  endif()
  set(cost 0.001)
  list(FIND DITMILL_TEST_SECONDS ${name} at)
  if(at GREATER -1)
    math(EXPR at "${at} + 1")
    list(GET DITMILL_TEST_SECONDS ${at} seconds)
    set(cost 0.${seconds})
    if(seconds LESS 100)
      set(cost 0.0${seconds})
    endif()
  endif()
  set_tests_properties(${name} PROPERTIES PROCESSORS ${slots} COST ${cost})
endfunction()

# ditmill_test(name [ATEN] [LEVELS] [TIMEOUT s] [LABELS ...] SOURCES ... USES ...): a GoogleTest program, one ctest entry:
# its tests share a process, for starting one with LibTorch takes longer than most tests. LEVELS: where the machine has
# more than AVX2, a second entry capped at it, named NAME.avx2.
function(ditmill_test name)
  cmake_parse_arguments(TEST "ATEN;LEVELS" "TIMEOUT" "SOURCES;USES;ENVIRONMENT;LABELS" ${ARGN})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 600)
  endif()
  add_executable(${name} ${TEST_SOURCES})
  target_link_libraries(${name} PRIVATE ditmill_flags ${TEST_USES} GTest::gmock_main)
  if(TEST_ATEN)
    _ditmill_aten(${name})
    # Threads that spin at a barrier starve each other where tests run side by side.
    list(APPEND TEST_ENVIRONMENT OMP_WAIT_POLICY=PASSIVE)
  else()
    ditmill_precompiled(${name} test)
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES
    TIMEOUT ${TEST_TIMEOUT} LABELS "${TEST_LABELS}" ENVIRONMENT "${TEST_ENVIRONMENT}")
  _ditmill_schedule(${name})
  if(TEST_LEVELS AND DITMILL_HAS_MORE)
    add_test(NAME ${name}.avx2 COMMAND ${name} --gtest_brief=1)
    set_tests_properties(${name}.avx2 PROPERTIES
      TIMEOUT ${TEST_TIMEOUT} LABELS "${TEST_LABELS}" ENVIRONMENT "${TEST_ENVIRONMENT};${DITMILL_AVX2_CAP}")
    _ditmill_schedule(${name}.avx2)
  endif()
endfunction()

set(DITMILL_PYTHON ${CMAKE_SOURCE_DIR}/.deps/python/bin/python CACHE FILEPATH "Python with the oracles' packages")

# ditmill_python_test(name FILE file.py [TIMEOUT s] [LABELS ...] [WAITS] [RUN_ALONE]): a unittest script. It finds the
# build by $DITMILL_BUILD, and tests/support on its path. WAITS: less than half of its time does it compute; those of
# clusters, kills and users' mistakes do. RUN_ALONE: it starts more processes than a test's share of cores: it begins
# early, beside tests of one process, but no other such test of its kind: those of clusters, kills and users' mistakes
# are one.
function(ditmill_python_test name)
  cmake_parse_arguments(TEST "WAITS;RUN_ALONE" "FILE;TIMEOUT" "LABELS" ${ARGN})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 300)
  endif()
  add_test(NAME ${name} COMMAND ${DITMILL_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/${TEST_FILE})
  set_tests_properties(${name} PROPERTIES
    TIMEOUT ${TEST_TIMEOUT} LABELS "${TEST_LABELS}"
    ENVIRONMENT "DITMILL_BUILD=${CMAKE_BINARY_DIR};PYTHONPATH=${CMAKE_SOURCE_DIR}/tests/support;PYTHONDONTWRITEBYTECODE=1")
  set(lock many_processes)
  if(name MATCHES "^(slurm|field|faults)")
    set(TEST_WAITS ON)
    set(lock many_waiting_processes)
  endif()
  if(TEST_WAITS)
    _ditmill_schedule(${name} 1)
  else()
    _ditmill_schedule(${name})
  endif()
  if(TEST_RUN_ALONE)
    set_tests_properties(${name} PROPERTIES RESOURCE_LOCK ${lock} COST 1)
  endif()
endfunction()
