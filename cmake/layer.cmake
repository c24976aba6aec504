# A folder under src/bpg is a static library; what it may include is what it links.
#
#   bpg_layer(storage LINKS core PRIVATE PkgConfig::btrfsutil)
#
# LINKS names the layers below it, PUBLIC and PRIVATE the libraries it uses. PRECOMPILED are headers that cost more to read
# than all else that its files hold; every layer has those of the standard library that most files use.
function(bpg_compile_options target)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Woverloaded-virtual -Werror)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -fpch-preprocess)  # for ccache
    # GCC 12 raises false alarms on strings that it has inlined, PR105651 and PR105329.
    target_compile_options(${target} PRIVATE
      -Wno-restrict -Wno-array-bounds -Wno-stringop-overread -Wno-stringop-overflow)
  endif()
  if(BPG_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${BPG_SANITIZE} -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${BPG_SANITIZE})
  endif()
endfunction()

function(bpg_layer name)
  cmake_parse_arguments(LAYER "" "" "LINKS;PUBLIC;PRIVATE;PRECOMPILED" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp)
  add_library(bpg_${name} STATIC ${sources})
  target_include_directories(bpg_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  list(TRANSFORM LAYER_LINKS PREPEND bpg_)
  target_link_libraries(bpg_${name} PUBLIC ${LAYER_LINKS} ${LAYER_PUBLIC} PRIVATE ${LAYER_PRIVATE})
  bpg_compile_options(bpg_${name})
  if(LAYER_PRECOMPILED)
    target_precompile_headers(bpg_${name} PRIVATE ${LAYER_PRECOMPILED})
  else()
    target_precompile_headers(bpg_${name} REUSE_FROM bpg_core)
  endif()
endfunction()
