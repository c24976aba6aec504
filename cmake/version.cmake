# The version, from git: 0.1.0 at the tag v0.1.0, 0.1.0+12.gabc1234 twelve commits later, 0.2.0~rc1 at v0.2.0-rc1: as Debian
# sorts them. Where git does not tell (an unpacked archive, no tag yet, no git), it is what CMakeLists.txt says.
#
#   cmake -D SOURCE=<checkout> -D FALLBACK=0.1.0 -D TEMPLATE=version.cpp.in -D OUTPUT=version.cpp -P version.cmake
#
# The output is written only where it changes: what is built from it is built again only then.
function(bpg_version_of source fallback result)
  set(version ${fallback})
  # An archive that is unpacked somewhere below another project's checkout is not that project.
  if(EXISTS "${source}/.git")
    # A checkout of somebody else, which git would otherwise not look at.
    execute_process(
      COMMAND git -c safe.directory=* -C "${source}" describe --tags --long --match "v[0-9]*"
      RESULT_VARIABLE status OUTPUT_VARIABLE described ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(status EQUAL 0 AND described MATCHES "^v([0-9][A-Za-z0-9.+~-]*)-([0-9]+)-(g[0-9a-f]+)$")
      string(REPLACE "-" "~" version "${CMAKE_MATCH_1}")
      if(NOT CMAKE_MATCH_2 EQUAL 0)
        string(APPEND version "+${CMAKE_MATCH_2}.${CMAKE_MATCH_3}")
      endif()
    endif()
  endif()
  set(${result} ${version} PARENT_SCOPE)
endfunction()

if(DEFINED OUTPUT)
  bpg_version_of("${SOURCE}" "${FALLBACK}" version)
  configure_file("${TEMPLATE}" "${OUTPUT}" @ONLY)
endif()
