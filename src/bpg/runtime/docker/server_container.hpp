#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "bpg/runtime/docker/client.hpp"
#include "bpg/runtime/runtime.hpp"

namespace bpg::runtime {

/// The container of a server, as the engine is asked to make it, and its log.

std::string container_name(const ServerSpec& spec);

/// What `POST /containers/create` takes.
nlohmann::json server_container(const ServerSpec& spec);

/// Of what a container has written, this much is kept in the server's log file when it goes.
inline constexpr size_t kept_lines = 10000;

/// The last `lines` lines that the container wrote; none where it is gone.
std::string container_log(const DockerClient& client, const std::string& id, size_t lines);

/// Hands out the last `tail` lines ("all" or a number) and then what the container writes, until it ends or is gone.
void follow_container_log(const DockerClient& client, const std::string& id, const std::string& tail,
                          const std::function<void(std::string_view)>& write);

/// Adds to the server's log file, and cuts its beginning where it grows beyond 16 MB.
void append_log(const ServerSpec& spec, std::string_view text);

size_t count_lines(std::string_view text);
std::string_view last_lines(std::string_view text, size_t count);

}  // namespace bpg::runtime
