# CUDA and NCCL parts are built wherever both are found, with or without a GPU in the machine.
option(DITMILL_REQUIRE_CUDA "Fail if the CUDA parts cannot be built" OFF)
set(DITMILL_CUDA OFF)
find_program(NVCC_PROGRAM nvcc PATHS /usr/local/cuda/bin)
find_path(NCCL_INCLUDE_DIR nccl.h PATHS /usr/local/cuda/include)
find_library(NCCL_LIBRARY nccl PATHS /usr/local/cuda/lib64)
if(NVCC_PROGRAM AND NCCL_INCLUDE_DIR AND NCCL_LIBRARY)
  set(CMAKE_CUDA_COMPILER ${NVCC_PROGRAM})
  # CMake 3.25 does not know nvcc's C++20 flag.
  string(APPEND CMAKE_CUDA_FLAGS " -std=c++20")
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 90a)
  endif()
  enable_language(CUDA)
  find_package(CUDAToolkit REQUIRED)
  add_library(nccl::nccl SHARED IMPORTED)
  set_target_properties(nccl::nccl PROPERTIES
    IMPORTED_LOCATION ${NCCL_LIBRARY}
    INTERFACE_SYSTEM_INCLUDE_DIRECTORIES ${NCCL_INCLUDE_DIR})
  set(DITMILL_CUDA ON)
elseif(DITMILL_REQUIRE_CUDA)
  message(FATAL_ERROR "the cuda preset needs nvcc and NCCL; nvcc: ${NVCC_PROGRAM}, nccl.h: ${NCCL_INCLUDE_DIR}, libnccl: ${NCCL_LIBRARY}")
endif()
message(STATUS "CUDA parts: ${DITMILL_CUDA}")
