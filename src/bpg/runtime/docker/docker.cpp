#include "bpg/runtime/docker/docker.hpp"

#include <fcntl.h>
#include <poll.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include <fmt/format.h>

#include "bpg/runtime/docker/container.hpp"
#include "bpg/runtime/docker/server_container.hpp"
#include "bpg/runtime/postmaster.hpp"
#include "bpg/runtime/server_process.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/interrupt.hpp"

namespace bpg::runtime {

using nlohmann::json;
using std::chrono::milliseconds;

namespace {

/// "unless-stopped" would not do: to some engines (Docker 20.10, daemon/kill.go) every signal that is sent through them is a stop.
json always() { return {{"Name", "always"}}; }

}  // namespace

/// A server's container, as the engine knows it. `id` is empty where there is none.
struct Docker::Found {
  std::string id;
  pid_t pid = 0;  ///< of its first process, as this machine numbers it; 0: nothing runs
};

Docker::Docker(const std::string& host) : m_client(std::make_unique<DockerClient>(host)) {}
Docker::~Docker() = default;

Docker::Found Docker::find(const ServerSpec& spec) const {
  auto answer = m_client->call("GET", "/containers/" + url_encoded(container_name(spec)) + "/json");
  if (answer.status == 404) {
    return {};
  }
  if (!answer.ok()) {
    throw Error(ErrorCode::environment, fmt::format("{} refuses: {}", m_client->name(), answer.message()));
  }
  const std::string id = answer.body.at("Id").get<std::string>();
  const json labels = answer.body.at("Config").value("Labels", json());
  if (!labels.is_object() || labels.value(volume_label, "") != spec.identity) {
    throw Error(ErrorCode::environment,
                fmt::format("the container {} is not betterpg's but has the name '{}'", id.substr(0, 12), container_name(spec)),
                "Rename or remove it.");
  }
  return {.id = id, .pid = answer.body.at("State").value("Pid", 0)};
}

void Docker::start(const ServerSpec& spec, std::chrono::seconds deadline) {
  if (const Found stale = find(spec); !stale.id.empty()) {
    if (stale.pid > 0 && serves(stale.pid, spec.data_directory)) {
      throw Error(ErrorCode::postgres, fmt::format("its server runs already, in the container {}", stale.id.substr(0, 12)));
    }
    keep_log(spec, stale.id);
    remove_container(*m_client, stale.id);
  }
  // In there, a lock file says nothing: the process numbers and the shared memory are the container's own.
  wait_until_quiet(spec);
  remove_tree(spec.data_directory / "postmaster.pid");
  remove_tree(spec.socket_directory);
  make_directory(spec.socket_directory, 0700, {spec.account.uid, spec.account.gid});

  json wanted = server_container(spec);
  // A server that cannot start would be started for ever: so not before it has. Podman cannot change it later, and has ended that
  // when the container is removed.
  const bool from_the_first = spec.container->comes_back && m_client->is_podman();
  if (from_the_first) {
    wanted["HostConfig"]["RestartPolicy"] = always();
  }
  OwnedContainer container(*m_client, container_name(spec), wanted);
  pid_t pid = 0;
  Startup startup = Startup::ended;
  try {
    container.start();
    pid = find(spec).pid;
    if (const UniqueFd process = pid > 0 ? open_process(pid) : UniqueFd()) {
      startup = wait_until_ready(spec, {.pidfd = process.get(), .pid = pid, .own_number = own_number(pid)}, deadline);
    }
  } catch (...) {
    give_up(spec, container.id(), pid);
    throw;
  }
  if (startup != Startup::ready) {
    give_up(spec, container.id(), pid);
    throw startup == Startup::late ? was_not_ready(spec, deadline) : did_not_start(spec);
  }
  if (spec.container->comes_back && !from_the_first) {
    m_client->must("POST", "/containers/" + container.id() + "/update", {{"RestartPolicy", always()}});
  }
  container.release();
}

/// Ends a server that did not come up, and nobody has used yet.
void Docker::give_up(const ServerSpec& spec, const std::string& id, pid_t pid) const {
  const HoldInterrupts hold;
  try {
    if (const UniqueFd process = pid > 0 ? open_process(pid) : UniqueFd()) {
      m_client->call("POST", "/containers/" + id + "/kill?signal=SIGINT");
      wait_for_end(process.get(), std::chrono::seconds(5));
    }
    keep_log(spec, id);
  } catch (const Error&) {
    // What ended the start is what matters. The container goes with its owner.
  }
  remove_tree(spec.socket_directory);
}

void Docker::stop(const ServerSpec& spec, std::chrono::seconds deadline) {
  const Found found = find(spec);
  // The engine may have lost a container whose server goes on.
  const pid_t pid = found.id.empty() ? status(spec).pid : found.pid;
  if (const UniqueFd process = pid > 0 ? open_process(pid) : UniqueFd()) {
    // "Fast" shutdown (pg_ctl(1)). The engine must send it, or it would start the server again.
    if (found.id.empty()) {
      ::kill(pid, SIGINT);
    } else if (const auto answer = m_client->call("POST", "/containers/" + found.id + "/kill?signal=SIGINT");
               !answer.ok() && answer.status != 409 && answer.status != 404) {  // it has ended meanwhile
      throw Error(ErrorCode::environment, fmt::format("{} does not stop the server: {}", m_client->name(), answer.message()));
    }
    if (!wait_for_end(process.get(), deadline)) {
      throw did_not_stop(spec, pid, deadline);
    }
  }
  if (!found.id.empty()) {
    keep_log(spec, found.id);
    remove_container(*m_client, found.id);
  }
  remove_tree(spec.socket_directory);
}

void Docker::discard(const ServerSpec& spec, std::chrono::seconds) {
  const Found found = find(spec);
  if (!found.id.empty()) {
    remove_container(*m_client, found.id);
  } else if (const ServerStatus now = status(spec); now.running) {
    ::kill(now.pid, SIGKILL);
  }
  wait_until_quiet(spec);
  remove_tree(spec.socket_directory);
}

void Docker::reload(const ServerSpec& spec) {
  const ServerStatus now = status(spec);
  if (!now.running) {
    throw has_gone_away(spec);
  }
  if (::kill(now.pid, SIGHUP) == 0) {
    return;
  }
  if (errno != EPERM || !m_client->call("POST", "/containers/" + url_encoded(container_name(spec)) + "/kill?signal=SIGHUP").ok()) {
    throw has_gone_away(spec);
  }
}

void Docker::wait_until_quiet(const ServerSpec& spec) const { wait_until_no_process(spec); }

ServerStatus Docker::status(const ServerSpec& spec) const {
  const auto file = read_postmaster_file(spec.data_directory);
  if (!file) {
    return {};
  }
  pid_t pid = 0;
  try {
    pid = find(spec).pid;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::interrupted) {
      throw;
    }
  }
  // What the engine says may be old, and there may be no engine.
  if (pid == 0 || !serves(pid, spec.data_directory)) {
    pid = find_postmaster(spec.data_directory, file->pid).value_or(0);
  }
  if (pid == 0) {
    return {};
  }
  return {.running = true, .ready = file->status == "ready" && file->pid == own_number(pid), .pid = pid};
}

void Docker::keep_log(const ServerSpec& spec, const std::string& id) const {
  append_log(spec, container_log(*m_client, id, kept_lines));
}

void Docker::read_log(const ServerSpec& spec, const Log& log) const {
  std::string id = find(spec).id;
  const std::string now = id.empty() ? "" : container_log(*m_client, id, log.last_lines);
  const size_t lines = count_lines(now);
  log.write(last_lines(read_file_if_exists(spec.log_file).value_or(""), log.last_lines - std::min(lines, log.last_lines)));
  if (!log.follow) {
    log.write(now);
    return;
  }
  std::string tail = fmt::format("{}", log.last_lines);
  std::string last = id;
  while (!interrupted()) {
    try {
      if (!id.empty()) {
        follow_container_log(*m_client, std::exchange(id, ""), tail, log.write);
      }
      // It has ended. The engine may start it again, or bpg another one in its place; nothing tells when.
      pollfd polled{interrupt_fd(), POLLIN, 0};
      ::poll(&polled, 1, 200);
      id = find(spec).id;
      tail = id == last ? "0" : "all";
      last = id;
    } catch (const Error& error) {
      // The engine may be restarted, too.
      if (error.code() != ErrorCode::interrupted && error.code() != ErrorCode::environment) {
        throw;
      }
    }
  }
}

}  // namespace bpg::runtime
