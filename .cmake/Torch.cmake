# LibTorch from the PyPI wheel, as imported targets of our own: the wheel's own CMake package drags in
# flags and RUNPATHs and fails without a CUDA toolkit.
file(GLOB _torch_wheels ${CMAKE_SOURCE_DIR}/.deps/python/lib/python3*/site-packages/torch)
list(APPEND _torch_wheels "")
list(GET _torch_wheels 0 _torch_default)
set(DITMILL_TORCH_DIR "${_torch_default}" CACHE PATH "The torch folder of an installed wheel")
if(NOT EXISTS ${DITMILL_TORCH_DIR}/lib/libtorch_cpu.so)
  message(FATAL_ERROR "no LibTorch at '${DITMILL_TORCH_DIR}': run ./setup build, or set DITMILL_TORCH_DIR")
endif()

# libtorch_cpu.so needs the CUDA runtime and CUPTI: from the toolkit, else from pip's packages beside torch.
file(GLOB _cuda_runtime_dirs
     /usr/local/cuda/lib64 /usr/local/cuda/extras/CUPTI/lib64 ${DITMILL_TORCH_DIR}/../nvidia/*/lib)

# Only torch's own headers: the wheel carries a {fmt} of another version than spdlog's beside them.
set(_torch_include ${CMAKE_BINARY_DIR}/torch_include)
file(MAKE_DIRECTORY ${_torch_include})
foreach(_folder ATen c10 caffe2 torch)
  file(CREATE_LINK ${DITMILL_TORCH_DIR}/include/${_folder} ${_torch_include}/${_folder} SYMBOLIC)
endforeach()

function(_torch_library name file)
  add_library(torch::${name} SHARED IMPORTED)
  set_target_properties(torch::${name} PROPERTIES
    IMPORTED_LOCATION ${DITMILL_TORCH_DIR}/lib/${file}
    INTERFACE_INCLUDE_DIRECTORIES ${_torch_include}
    INTERFACE_SYSTEM_INCLUDE_DIRECTORIES ${_torch_include})
endfunction()
_torch_library(c10 libc10.so)
_torch_library(cpu libtorch_cpu.so)
target_link_libraries(torch::cpu INTERFACE torch::c10)
foreach(_dir IN LISTS _cuda_runtime_dirs)
  target_link_options(torch::cpu INTERFACE -Wl,-rpath-link,${_dir} -Wl,-rpath,${_dir})
endforeach()

# libc10 and libsentencepiece both export FLAGS_minloglevel: an int here, an object of 32 bytes there. Whichever is
# loaded first serves both, so it must be the larger one; else sentencepiece's constructor writes over c10's other
# flags, and an allocation that fails aborts the process (models_test.TranslateErrors). Link options come before all
# libraries.
target_link_options(torch::c10 INTERFACE
  "LINKER:--push-state,--no-as-needed" "LINKER:-lsentencepiece" "LINKER:--pop-state")
