#include "bpg/workspace/install.hpp"

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/trace.hpp"

namespace bpg::workspace {

namespace {

[[noreturn]] void throw_differs(const Pin& pin, std::string_view key, std::string_view there, std::string_view asked) {
  throw Error(ErrorCode::refused, fmt::format("{} has the {} '{}', not '{}'", pin.file.string(), key, there, asked),
              "Change it in that file.");
}

/// What an installation has made goes again unless everything went well.
class Installing {
 public:
  explicit Installing(const WorkTree& tree) : m_hook(Hook::in(tree.hooks)), m_was_installed(m_hook.is_ours()) {}
  ~Installing() {
    if (m_done) {
      return;
    }
    std::error_code ignored;
    fs::remove(m_pin, ignored);
    try {
      if (!m_was_installed) {
        uninstall_hook(m_hook);
      }
    } catch (const Error&) {
      // What failed is being told already.
    }
  }
  Installing(const Installing&) = delete;
  Installing& operator=(const Installing&) = delete;

  /// Whether it was written: one that is there stays as it is.
  bool write(const Pin& pin) {
    std::error_code error;
    if (fs::exists(pin.file, error)) {
      return false;
    }
    m_pin = pin.file;
    step("write pin", [&] { write_file_atomic(pin.file, pin_text(pin)); });
    return true;
  }
  bool write(const HookCommand& command) { return install_hook(m_hook, command); }

  void done() { m_done = true; }

 private:
  Hook m_hook;
  bool m_was_installed;
  fs::path m_pin;
  bool m_done = false;
};

}  // namespace

Pin choose_pin(const WorkTree& tree, const PinChoice& choice) {
  const auto [found, passed_over] = find_pin(tree.top);
  if (!passed_over.empty()) {
    throw Error(ErrorCode::refused, fmt::format("{}, or its directory, belongs to another user", passed_over.string()),
                "Give it to the user who runs bpg.");
  }
  if (!found && choice.database.empty()) {
    throw Error(ErrorCode::usage, fmt::format("{} has no {}: say which database its branches are of", tree.top.string(), pin_name),
                "'bpg git install --database NAME' writes one.");
  }
  Pin pin = found.value_or(Pin{tree.top / pin_name, choice.database, {{choice.database, std::string(main_branch)}, {}}});
  check_name("database", pin.database);
  if (!choice.database.empty() && choice.database != pin.database) {
    throw_differs(pin, "database", pin.database, choice.database);
  }
  if (!choice.parent.empty()) {
    const SubjectAt parent = parse_parent(pin.database, choice.parent);
    if (found && parent != pin.parent) {
      throw_differs(pin, "parent", pin.parent.str(), parent.str());
    }
    pin.parent = parent;
  }
  return pin;
}

Installed install(const WorkTree& tree, const Pin& pin, const HookCommand& command) {
  Installing installing(tree);
  Installed installed;
  installed.wrote_pin = installing.write(pin);
  installed.changed_hook = installing.write(command);
  installing.done();
  return installed;
}

TakenBack uninstall(const WorkTree& tree) {
  TakenBack taken{.hook = uninstall_hook(Hook::in(tree.hooks))};
  const fs::path file = tree.top / pin_name;
  const auto text = read_file_if_exists(file);
  if (text && is_written_pin(*text) && !is_tracked(tree, file)) {
    fs::remove(file);
    taken.removed_pin = true;
  }
  return taken;
}

}  // namespace bpg::workspace
