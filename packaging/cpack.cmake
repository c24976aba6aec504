# The package has the version of the program in it, which may be newer than the last run of CMake.
include(${CPACK_BPG_SOURCE}/cmake/version.cmake)
bpg_version_of(${CPACK_BPG_SOURCE} ${CPACK_BPG_FALLBACK} CPACK_PACKAGE_VERSION)
