#include "bpg/workspace/pin.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <vector>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/text.hpp"

namespace bpg::workspace {

namespace {

struct Entry {
  std::string value;
  YAML::Mark mark;
};

std::string place(const fs::path& file, const YAML::Mark& mark) { return fmt::format("{}:{}", file.string(), mark.line + 1); }

void refuse_unknown(const fs::path& file, const std::string& key, const YAML::Mark& mark) {
  const std::vector<std::string> known{"database", "parent"};
  if (std::ranges::find(known, key) == known.end()) {
    throw Error(ErrorCode::usage, fmt::format("{}: unknown key '{}'", place(file, mark), key),
                did_you_mean(key, known, "It has 'database' and 'parent'."));
  }
}

std::map<std::string, Entry> read_entries(const fs::path& file, const std::string& text) {
  std::map<std::string, Entry> entries;
  try {
    const YAML::Node root = YAML::Load(text);
    if (!root.IsNull() && !root.IsMap()) {
      throw Error(ErrorCode::usage, fmt::format("{}: expected 'key: value' lines", place(file, root.Mark())));
    }
    for (const auto& entry : root) {
      const YAML::Mark mark = entry.first.Mark();
      const auto key = entry.first.as<std::string>();
      refuse_unknown(file, key, mark);
      if (!entry.second.IsScalar()) {
        throw Error(ErrorCode::usage, fmt::format("{}: {} must be a name", place(file, mark), key));
      }
      if (!entries.emplace(key, Entry{entry.second.as<std::string>(), mark}).second) {
        throw Error(ErrorCode::usage, fmt::format("{}: '{}' is there twice", place(file, mark), key));
      }
    }
  } catch (const YAML::Exception& error) {
    throw Error(ErrorCode::usage, fmt::format("{}: {}", place(file, error.mark), error.msg));
  }
  return entries;
}

/// As git's safe.directory: what another user may write must not lead our commands elsewhere. Under sudo the user who
/// called it counts, too.
bool is_trusted(const fs::path& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    return false;
  }
  if (found.st_uid == ::geteuid() || found.st_uid == 0) {
    return true;
  }
  const char* caller = std::getenv("SUDO_UID");
  return ::geteuid() == 0 && caller && fmt::format("{}", found.st_uid) == caller;
}

bool is_there(const fs::path& path) {
  struct stat found {};
  return ::lstat(path.c_str(), &found) == 0;
}

}  // namespace

SubjectAt parse_parent(const std::string& database, const std::string& text) {
  const SubjectAt parent = SubjectAt::parse(says_database(text) ? text : database + "/" + text);
  if (parent.subject.database != database) {
    throw Error(ErrorCode::usage, fmt::format("parent '{}' is of another database than '{}'", text, database),
                "A branch comes from its own database.");
  }
  if (!parent.moment.empty()) {
    check_name("snapshot", parent.moment);
  }
  return parent;
}

Pin parse_pin(const fs::path& file, const std::string& text) {
  const auto entries = read_entries(file, text);
  const auto database = entries.find("database");
  if (database == entries.end()) {
    throw Error(ErrorCode::usage, fmt::format("{}: 'database' is missing", file.string()), "Add a line 'database: NAME'.");
  }
  const YAML::Mark* at = &database->second.mark;
  try {
    Pin pin{file, database->second.value, {}};
    check_name("database", pin.database);
    if (const auto parent = entries.find("parent"); parent != entries.end()) {
      at = &parent->second.mark;
      pin.parent = parse_parent(pin.database, parent->second.value);
    } else {
      pin.parent.subject = {pin.database, std::string(main_branch)};
    }
    return pin;
  } catch (const Error& error) {
    throw error.with_context(place(file, *at));
  }
}

/// Who cloned a repository has not looked at it: there may be a link to a device, or a pipe that nobody writes to.
Pin read_pin(const fs::path& file) {
  constexpr off_t longest = 64 << 10;
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) {
    throw system_error(errno, fmt::format("cannot read {}", file.string()));
  }
  if (!S_ISREG(status.st_mode) || status.st_size > longest) {
    throw Error(ErrorCode::usage, fmt::format("{} is not a file of a few lines", file.string()),
                "It has 'database: NAME', and perhaps 'parent: BRANCH'.");
  }
  return parse_pin(file, read_file(file));
}

FoundPin find_pin(const fs::path& directory) {
  FoundPin found;
  for (fs::path at = directory;; at = at.parent_path()) {
    const bool trusted = is_trusted(at);
    if (const fs::path file = at / pin_name; is_there(file)) {
      if (trusted && is_trusted(file)) {
        found.pin = read_pin(file);
        return found;
      }
      found.passed_over = file;
    }
    if (!trusted || is_there(at / ".git") || at == at.parent_path()) {
      return found;
    }
  }
}

FoundPin find_pin() {
  std::error_code error;
  const fs::path directory = fs::current_path(error);
  return error ? FoundPin{} : find_pin(directory);
}

std::string pin_text(const Pin& pin) {
  std::string text = fmt::format(
      "# Written by 'bpg git install'. From here on down, bpg takes a word without a slash for a branch of this database.\n"
      "database: {}\n",
      pin.database);
  if (pin.parent != SubjectAt{{pin.database, std::string(main_branch)}, {}}) {
    text += fmt::format("# What the branches that follow git are made from.\nparent: {}\n",
                        pin.parent.str().substr(pin.database.size() + 1));
  }
  return text;
}

bool is_written_pin(const std::string& text) {
  try {
    return pin_text(parse_pin(pin_name, text)) == text;
  } catch (const Error&) {
    return false;  // somebody has made something else of it
  }
}

SubjectAt parse_subject(std::string_view text, const Pin& pin) {
  return SubjectAt::parse(says_database(text) ? std::string(text) : fmt::format("{}/{}", pin.database, text));
}

}  // namespace bpg::workspace
