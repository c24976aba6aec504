#pragma once

#include <chrono>
#include <filesystem>

#include "bpg/postgres/data_directory.hpp"
#include "bpg/runtime/docker/image.hpp"

namespace bpg::runtime {

/// Makes a new cluster as the image itself would: through its entrypoint, which runs initdb and then what the image, or one
/// that it was made from, has in /docker-entrypoint-initdb.d. Not yet durable. For an image with `has_entrypoint`;
/// `data_directory` must not exist, and the directory that it is in belongs to the image's account.
///
/// The superuser is `postgres`, with a password that nobody knows, and has a database of its name. `Error{postgres}` with the
/// entrypoint's last words.
void make_cluster_with_entrypoint(const DockerClient& client, const Image& image, const std::filesystem::path& data_directory,
                                  const postgres::ClusterOptions& options = {},
                                  std::chrono::seconds deadline = std::chrono::minutes(10));

}  // namespace bpg::runtime
