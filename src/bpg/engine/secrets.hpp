#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace bpg::engine {

/// Encrypts what the catalog must not hold in the clear: XChaCha20-Poly1305 (libsodium) with the key in a file of
/// mode 0600, each secret bound to the id of what it belongs to.
class Secrets {
 public:
  /// Makes the key file where there is none.
  static void make_key(const std::filesystem::path& key_file);

  /// Reads the key; throws `Error{permission}` where others than its owner can read the file.
  explicit Secrets(const std::filesystem::path& key_file);
  ~Secrets();
  Secrets(const Secrets&) = delete;
  Secrets& operator=(const Secrets&) = delete;

  std::string seal(std::string_view secret, std::string_view belongs_to) const;

  /// Throws `Error{environment}` where the key is another one, or the text was changed or belongs to another.
  std::string unseal(std::string_view sealed, std::string_view belongs_to) const;

 private:
  std::string m_key;
};

/// 24 letters and digits: 142 bits, and nothing that a URL or a shell would need quoted.
std::string random_password();

}  // namespace bpg::engine
