# What Debian's policy asks of the files of a package: changelogs, and compressed manual pages.
include(${source}/cmake/version.cmake)
bpg_version_of(${source} ${fallback} version)
set(staged "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}")
set(documentation ${staged}/share/doc/betterpg)

# The moment of the last change, so that the same source makes the same package.
if(NOT DEFINED ENV{SOURCE_DATE_EPOCH})
  execute_process(
    COMMAND git -c safe.directory=* -C ${source} log -1 --format=%ct
    RESULT_VARIABLE status OUTPUT_VARIABLE moment ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(status EQUAL 0)
    set(ENV{SOURCE_DATE_EPOCH} ${moment})
  endif()
endif()
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)

file(WRITE ${documentation}/changelog.Debian "betterpg (${version}-1) unstable; urgency=medium

  * Package version ${version}; changelog.gz says what is new.

 -- betterpg maintainers <maintainers@betterpg.invalid>  ${date}
")
configure_file(${source}/CHANGELOG.md ${documentation}/changelog COPYONLY)
file(GLOB manual ${staged}/share/man/man*/*.[1-8])
execute_process(
  COMMAND gzip -9nf ${documentation}/changelog.Debian ${documentation}/changelog ${manual}
  COMMAND_ERROR_IS_FATAL ANY)
