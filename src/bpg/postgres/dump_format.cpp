#include "bpg/postgres/dump_format.hpp"

namespace bpg::postgres {

DumpFormat dump_format_of(std::string_view beginning) {
  if (beginning.starts_with("PGDMP")) {  // pg_backup_archiver.c, WriteHead
    return DumpFormat::custom;
  }
  // pg_backup_tar.c writes toc.dat first; POSIX's mark stands at byte 257 of its header.
  if (beginning.size() >= 262 && beginning.substr(257, 5) == "ustar" && beginning.starts_with("toc.dat")) {
    return DumpFormat::tar;
  }
  return DumpFormat::plain;
}

}  // namespace bpg::postgres
