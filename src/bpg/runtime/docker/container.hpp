#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bpg/runtime/docker/client.hpp"
#include "bpg/runtime/runtime.hpp"
#include "bpg/util/process.hpp"

namespace bpg::runtime {

/// The labels that tell betterpg's containers from all others.
inline constexpr const char* volume_label = "betterpg.volume";    ///< of a server: its identity
inline constexpr const char* program_label = "betterpg.program";  ///< of a program that is run once: its name

/// A container that was made and goes with this object, together with what runs in it.
class OwnedContainer {
 public:
  /// `name` may be empty. `Error{environment}` where the engine does not make it.
  OwnedContainer(const DockerClient& client, const std::string& name, const nlohmann::json& spec);
  ~OwnedContainer();
  OwnedContainer(const OwnedContainer&) = delete;
  OwnedContainer& operator=(const OwnedContainer&) = delete;

  const std::string& id() const { return m_id; }
  void start() const;
  /// From here on it stays.
  void release() { m_owned = false; }

 private:
  const DockerClient& m_client;
  std::string m_id;
  bool m_owned = true;
};

/// Kills what runs in the container and removes it, with its anonymous volumes; returns when it is gone. Success where there
/// is none.
void remove_container(const DockerClient& client, const std::string& id);

/// Takes apart what a container without a terminal writes: frames of standard output and of standard error.
class OutputFrames {
 public:
  enum class Stream { out, err };
  using Write = std::function<void(Stream, std::string_view)>;

  explicit OutputFrames(Write write) : m_write(std::move(write)) {}
  void feed(std::string_view bytes);

 private:
  Write m_write;
  std::string m_head;
  size_t m_left = 0;
  Stream m_stream = Stream::out;
};

/// A bind mount under the same path.
nlohmann::json mount_json(const Mount& mount);

/// "999:999"
std::string user_of(uid_t uid, gid_t gid);

/// A program that is run to its end in a container of its own, without a network.
struct OneShot {
  std::string image;
  std::vector<std::string> argv;    ///< argv[0] is looked up in the image's PATH
  std::string user{};               ///< empty: the image's
  std::vector<Mount> mounts{};
  std::vector<std::string> env{};   ///< "NAME=value"; anybody who may use Docker can read it
};

/// As `bpg::run`. Where this process is interrupted, the program is killed; where it is killed itself, the container goes when the
/// program ends.
RunResult run_once(const DockerClient& client, const OneShot& program);

}  // namespace bpg::runtime
