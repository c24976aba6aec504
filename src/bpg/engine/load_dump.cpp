#include "bpg/engine/load_dump.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bpg/engine/pg_restore.hpp"
#include "bpg/engine/server.hpp"
#include "bpg/postgres/extensions.hpp"
#include "bpg/postgres/handover.hpp"
#include "bpg/postgres/sql_loader.hpp"
#include "bpg/util/decompress.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::engine {

namespace {

using postgres::DumpFormat;

/// Passes a dump's content on and tells how much of the file has been read.
class Told : public ByteReader {
 public:
  explicit Told(Dump& dump) : m_dump(dump) {}

  size_t read(std::span<char> buffer) override {
    const size_t count = m_dump.content->read(buffer);
    trace().report({.unit = Trace::Amount::Unit::bytes, .done = m_dump.input->position(), .total = m_dump.size});
    return count;
  }

 private:
  Dump& m_dump;
};

/// What pg_restore cannot do, because it fails where a role is missing: it is written as SQL and loaded as a plain dump is.
/// Event triggers come last in any case. The lines are those of --list: "4; 0 0 ACL public TABLE t me".
bool names_roles(std::string_view line) {
  for (int field = 0; field < 3; ++field) {
    line.remove_prefix(std::min(line.size(), line.find(' ') + 1));
  }
  const auto is = [&line](std::string_view type) { return line.starts_with(type); };
  if (is("ACL ") || is("DEFAULT ACL ") || is("POLICY ") || is("USER MAPPING ") || is("EVENT TRIGGER ")) {
    return true;
  }
  return (is("COMMENT ") || is("SECURITY LABEL ")) &&
         (line.find(" POLICY ") != std::string_view::npos || line.find(" EVENT TRIGGER ") != std::string_view::npos);
}

unsigned jobs_for(DumpFormat format) {
  constexpr unsigned most = 8;
  return format == DumpFormat::tar ? 1 : std::clamp(std::thread::hardware_concurrency(), 2U, most);
}

/// The volume's directory for what a load needs meanwhile. Where bpg is killed, it goes with the volume.
class Scratch {
 public:
  explicit Scratch(fs::path directory) : m_directory(std::move(directory)) { make_directory(m_directory, 0700); }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(m_directory, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  fs::path operator/(const char* name) const { return m_directory / name; }

  fs::path write(const char* name, const std::vector<std::string>& lines) const {
    const fs::path file = *this / name;
    write_file_atomic(file, fmt::format("{}\n", fmt::join(lines, "\n")), {.mode = 0600, .durable = false});
    return file;
  }

 private:
  fs::path m_directory;
};

/// pg_restore wants a file that it can go back and forth in.
void spool(Dump& dump, const fs::path& file) {
  const UniqueFd fd = open_file(file, O_WRONLY | O_CREAT | O_EXCL, 0600);
  Told content(dump);
  std::vector<char> buffer(size_t{1} << 20);
  while (const size_t count = content.read(buffer)) {
    write_all(fd.get(), {buffer.data(), count}, file);
  }
  dump.path = file;
}

/// The names of roles that were made.
std::set<std::string> load_sql(const postgres::Endpoint& endpoint, ByteReader& script) {
  postgres::Session session(endpoint);
  session.execute(fmt::format("SET ROLE {}", postgres::loading_role));
  postgres::SqlLoader loader(session);
  loader.load(script);
  return loader.made_roles();
}

std::set<std::string> load_archive(const Context& context, const BranchRef& branch, const postgres::Endpoint& endpoint,
                                   Dump& dump) {
  const Scratch scratch(context.storage->volume_path(branch.branch.volume) / "load");
  if (dump.path.empty()) {
    step("read dump", [&] { spool(dump, scratch / "archive"); });
  }
  const PgRestore pg_restore(context.config.bin_dirs, branch.database.pg_major, dump.path);
  std::vector<std::string> lines = pg_restore.list();
  const auto rest = std::stable_partition(lines.begin(), lines.end(), [](const std::string& line) { return !names_roles(line); });
  const std::vector<std::string> last(rest, lines.end());
  lines.erase(rest, lines.end());
  step("load dump", [&] {
    pg_restore.restore({.endpoint = endpoint,
                        .role = postgres::loading_role,
                        .use_list = scratch.write("items", lines),
                        .items = lines.size(),
                        .jobs = jobs_for(dump.format)});
  });
  return step("load privileges", [&] {
    const fs::path sql = scratch / "last.sql";
    pg_restore.write_sql(scratch.write("last", last), sql);
    FdReader script(open_file(sql, O_RDONLY), sql.string());
    return load_sql(endpoint, script);
  });
}

/// The server's words about an extension that the dump wants, with what helps.
Error explained(const Error& error, int major) {
  constexpr std::string_view begin = "extension \"";
  constexpr std::string_view end = "\" is not available";
  const std::string& text = error.message();
  const size_t after = text.find(end);
  const size_t before = after == std::string::npos ? after : text.rfind(begin, after);
  if (before == std::string::npos) {
    return error;
  }
  const std::string name = text.substr(before + begin.size(), after - before - begin.size());
  return Error(error.code(), text, postgres::extension_package_hint(name, major));
}

}  // namespace

Dump open_dump(const std::string& file) {
  Dump dump{.name = file == "-" ? "standard input" : file};
  std::error_code ignored;
  if (file != "-" && fs::is_directory(file, ignored)) {
    for (const char* toc : {"toc.dat", "toc.dat.gz"}) {
      if (fs::exists(fs::path(file) / toc, ignored)) {
        dump.format = DumpFormat::directory;
        dump.path = fs::absolute(file);
        return dump;
      }
    }
    throw Error(ErrorCode::usage, fmt::format("directory {} is not a dump", file),
                "'pg_dump --format=directory' makes one that holds toc.dat.");
  }
  if (file != "-" && !fs::exists(file, ignored)) {
    throw Error(ErrorCode::not_found, fmt::format("there is no file {}", file));
  }
  UniqueFd fd = file == "-" ? UniqueFd(::dup(STDIN_FILENO)) : open_file(file, O_RDONLY);
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) {
    throw system_error(errno, fmt::format("cannot read {}", dump.name));
  }
  dump.size = S_ISREG(status.st_mode) ? static_cast<uint64_t>(status.st_size) : 0;
  auto input = std::make_unique<FdReader>(std::move(fd), dump.name);
  dump.input = input.get();
  auto beginning = std::make_unique<PeekableReader>(std::move(input));
  const bool compressed = compression_of(beginning->peek(postgres::format_beginning)) != Compression::none;
  dump.content = std::make_unique<PeekableReader>(decompressed(std::move(beginning)));
  const std::string_view begins = dump.content->peek(postgres::format_beginning);
  dump.format = postgres::dump_format_of(begins);
  if (begins.empty()) {
    throw Error(ErrorCode::usage, fmt::format("{} is empty", dump.name));
  }
  if (dump.format == DumpFormat::plain && begins.find('\0') != std::string_view::npos) {
    throw Error(ErrorCode::usage, fmt::format("{} is not a dump", dump.name),
                "It may be SQL, or pg_dump's custom, directory or tar format; also compressed by gzip, zstd or xz.");
  }
  if (dump.format != DumpFormat::plain && !compressed && S_ISREG(status.st_mode) && file != "-") {
    dump.path = fs::absolute(file);
  }
  return dump;
}

void load_dump(const Context& context, const BranchRef& branch, Dump& dump) {
  postgres::Endpoint endpoint = admin_endpoint(context, branch.branch, branch.branch.volume);
  endpoint.database = branch.database.pg_database;
  postgres::Session session(endpoint);
  postgres::make_loading_role(session);
  std::set<std::string> roles;
  try {
    if (dump.format == DumpFormat::plain) {
      roles = step("load dump", [&] {
        Told content(dump);
        return load_sql(endpoint, content);
      });
    } else {
      roles = load_archive(context, branch, endpoint, dump);
    }
  } catch (const Error& error) {
    throw explained(error, branch.database.pg_major).with_context(fmt::format("loading {}", dump.name));
  }
  step("hand over", [&] { postgres::hand_over(session, roles); });
  step("analyze", [&] { session.execute("ANALYZE"); });
  step("checkpoint", [&] { session.execute("CHECKPOINT"); });
}

}  // namespace bpg::engine
