#include "bpg/engine/configure.hpp"

#include <sys/stat.h>

#include <algorithm>

#include <fmt/format.h>

#include "bpg/engine/config_text.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"

namespace bpg::engine {

namespace {

/// Two commands at once must not lose each other's change.
class ConfigLock {
 public:
  explicit ConfigLock(const fs::path& file) : m_path(file.string() + ".lock") {
    std::error_code error;
    fs::create_directories(file.parent_path(), error);  // whether that worked shows below
    m_lock = FileLock::acquire(m_path, FileLock::Mode::exclusive, std::chrono::seconds(10));
    if (!m_lock) {
      throw Error(ErrorCode::busy, fmt::format("another command is changing {}", file.string()), "Try again in a moment.");
    }
  }
  ~ConfigLock() {
    std::error_code ignored;
    fs::remove(m_path, ignored);
  }
  ConfigLock(const ConfigLock&) = delete;
  ConfigLock& operator=(const ConfigLock&) = delete;

 private:
  fs::path m_path;
  std::optional<FileLock> m_lock;
};

/// Through a symbolic link, and with the mode and owner that the file has.
void write(const fs::path& file, const std::string& text) {
  const fs::path target = fs::weakly_canonical(file);
  WriteOptions options;
  struct stat status {};
  if (::stat(target.c_str(), &status) == 0) {
    options.mode = status.st_mode & 0777;
    options.owner = {status.st_uid, status.st_gid};
  }
  write_file_atomic(target, text, options);
}

}  // namespace

ConfigEntry set_config(const fs::path& file, const std::string& key, const std::vector<std::string>& values) {
  const ConfigLock lock(file);
  const std::string text = read_file_if_exists(file).value_or("");
  parse_config(text, file);  // what is wrong already is not to be blamed on the change
  const auto known = std::ranges::find(config_keys(), key, &ConfigKey::name);
  const bool is_list = known != config_keys().end() && known->is_list;
  if (!is_list && values.size() != 1) {
    throw Error(ErrorCode::usage, fmt::format("{} takes one value", key), "Put a value with blanks in quotes.");
  }
  const ConfigValue value{.is_list = is_list, .items = values};
  // Whether it is right is asked of the key alone first: the message then need not name a line that nobody wrote.
  try {
    parse_config(fmt::format("{}: {}\n", key, to_yaml(value)), file);
  } catch (const Error& error) {
    const std::string place = fmt::format("{}:1: ", file.string());
    const std::string& message = error.message();
    throw Error(error.code(), message.starts_with(place) ? message.substr(place.size()) : message,
                error.hint() == correct_it ? "Nothing was changed." : error.hint());
  }
  const std::string changed = with_config_value(text, file, key, value);
  parse_config(changed, file);
  write(file, changed);
  return get_config(file, key);
}

void replace_config(const fs::path& file, const std::string& text) {
  parse_config(text, file);
  const ConfigLock lock(file);
  write(file, text);
}

std::string config_template() {
  const Config defaults;
  std::string text = "# betterpg's configuration. Take the # off what is to differ from the default.\n";
  for (const ConfigKey& key : config_keys()) {
    text += fmt::format("\n# {}: {}.\n# {}: {}\n", key.effect, key.form, key.name, to_yaml(key.write(defaults)));
  }
  text += "\n# Profiles: what --profile chooses. ci, dev and prod-like are there; others may be added.\n# profiles:\n#   ci:\n";
  for (const ProfileKey& key : profile_keys()) {
    text += fmt::format("#     {}: {}   # {}\n", key.name, key.write(defaults.profiles.at("ci")), key.form);
  }
  text += "#     settings:\n#       random_page_cost: 1.1\n";
  return text;
}

}  // namespace bpg::engine
