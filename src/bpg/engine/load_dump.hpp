#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "bpg/engine/find.hpp"
#include "bpg/postgres/dump_format.hpp"
#include "bpg/util/byte_reader.hpp"

namespace bpg::engine {

/// A dump that was opened and recognised.
struct Dump {
  std::string name;                           ///< what errors call it
  postgres::DumpFormat format = postgres::DumpFormat::plain;
  std::filesystem::path path{};               ///< where pg_restore can read it as it is; else empty
  std::unique_ptr<PeekableReader> content{};  ///< decompressed; none of a directory
  const FdReader* input = nullptr;            ///< what `content` reads from
  uint64_t size = 0;                          ///< bytes of `input`; 0 where nobody knows
};

/// Opens a dump ("-": standard input) and tells its format and compression by its content. Throws `Error{not_found}`, or
/// `Error{usage}` where it is none: before anything is made for it.
Dump open_dump(const std::string& file);

/// Loads the dump into the branch's database, whose server runs closed to the world, as superuser: everything then belongs
/// to the owner role (postgres/handover.hpp), and the planner's statistics are there. Throws at the first failure, and the
/// database is then of no use. Says how far it is (`trace().report`).
void load_dump(const Context& context, const BranchRef& branch, Dump& dump);

}  // namespace bpg::engine
