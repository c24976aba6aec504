#pragma once

#include "bpg/postgres/programs.hpp"
#include "bpg/runtime/docker/image.hpp"

namespace bpg::runtime {

/// The server's programs of an image. Each runs in a container of its own, which has no network, sees nothing of this machine
/// but the directory that the program may write in, and is gone when the program has ended. The client must outlive it.
class ContainerPrograms final : public postgres::Programs {
 public:
  ContainerPrograms(const DockerClient& client, Image image) : m_client(client), m_image(std::move(image)) {}

  int major() const override { return m_image.pg_major; }
  /// `writable` has the same path in the container.
  RunResult run(const std::vector<std::string>& argv, const std::filesystem::path& writable = {}) const override;
  bool has_file(const std::filesystem::path& file) const override;

 private:
  const DockerClient& m_client;
  Image m_image;
};

}  // namespace bpg::runtime
