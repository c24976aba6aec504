#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace bpg::runtime {

class DockerClient;

/// What only a look into an image tells.
struct ImageContents {
  int pg_major = 0;
  uid_t uid = 0;  ///< of its account postgres
  gid_t gid = 0;
};

/// An image that has a PostgreSQL server.
struct Image : ImageContents {
  std::string reference;        ///< as it was asked for, "postgres:17"
  std::string id;               ///< "sha256:…": this very image, whatever becomes of the reference
  bool has_entrypoint = false;  ///< it begins with docker-entrypoint.sh, as the official image does
};

struct PullProgress {
  uint64_t done = 0;   ///< bytes of all layers
  uint64_t total = 0;  ///< of those that are known so far; 0: none
  std::string status;  ///< "Downloading"
};

/// What was learned by looking into the image with this id, which never changes; nothing: it is not known.
using KnownImages = std::function<std::optional<ImageContents>(const std::string& id)>;

struct FindImage {
  std::string reference;
  bool pull = true;  ///< where it is not here
  KnownImages known{};
  std::function<void(const PullProgress&)> progress{};
};

/// Finds an image, pulls it where it is not here, and, where it is not known, runs one container of it to look into it.
/// `Error{not_found}` that says how to get it, `Error{postgres}` where it has no server, `Error{environment}` for an engine that cannot serve betterpg (rootless).
Image find_image(const DockerClient& client, const FindImage& request);

/// Is an image of this id or reference here?
bool has_image(const DockerClient& client, const std::string& image);

}  // namespace bpg::runtime
