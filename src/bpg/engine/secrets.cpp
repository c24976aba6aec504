#include "bpg/engine/secrets.hpp"

#include <sys/stat.h>

#include <cerrno>

#include <fmt/format.h>
#include <sodium.h>

#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/random.hpp"
#include "bpg/util/text.hpp"

namespace bpg::engine {

namespace {

constexpr size_t key_size = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr size_t nonce_size = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t tag_size = crypto_aead_xchacha20poly1305_ietf_ABYTES;

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

void start_sodium() {
  if (::sodium_init() < 0) {
    throw Error(ErrorCode::environment, "libsodium does not start");
  }
}

std::string to_hex(std::string_view binary) {
  std::string hex(binary.size() * 2 + 1, '\0');
  ::sodium_bin2hex(hex.data(), hex.size(), bytes(binary), binary.size());
  hex.pop_back();
  return hex;
}

std::string from_hex(std::string_view hex) {
  std::string binary(hex.size() / 2, '\0');
  size_t size = 0;
  if (::sodium_hex2bin(bytes(binary), binary.size(), hex.data(), hex.size(), nullptr, &size, nullptr) != 0) {
    return {};
  }
  binary.resize(size);
  return binary;
}

}  // namespace

void Secrets::make_key(const fs::path& key_file) {
  start_sodium();
  if (fs::exists(key_file)) {
    return;
  }
  std::string key(key_size, '\0');
  ::randombytes_buf(key.data(), key.size());
  write_file_atomic(key_file, to_hex(key) + "\n", {.mode = 0600});
}

Secrets::Secrets(const fs::path& key_file) {
  start_sodium();
  const auto content = read_file_if_exists(key_file);
  if (!content) {
    throw Error(ErrorCode::environment, fmt::format("the key file {} is missing", key_file.string()),
                "Without it stored passwords cannot be read: put it back, or name it in BPG_KEY_FILE.");
  }
  struct stat info {};
  if (::stat(key_file.c_str(), &info) != 0 || (info.st_mode & 077) != 0) {
    throw Error(ErrorCode::permission, fmt::format("others can read the key file {}", key_file.string()),
                fmt::format("Run 'chmod 600 {}'.", key_file.string()));
  }
  m_key = from_hex(trim(*content));
  if (m_key.size() != key_size) {
    throw Error(ErrorCode::environment, fmt::format("{} is not a key file", key_file.string()),
                "Put back the one that 'bpg init' made, or name it in BPG_KEY_FILE.");
  }
}

Secrets::~Secrets() { ::sodium_memzero(m_key.data(), m_key.size()); }

std::string Secrets::seal(std::string_view secret, std::string_view belongs_to) const {
  std::string sealed(nonce_size + secret.size() + tag_size, '\0');
  ::randombytes_buf(sealed.data(), nonce_size);
  ::crypto_aead_xchacha20poly1305_ietf_encrypt(bytes(sealed) + nonce_size, nullptr, bytes(secret), secret.size(),
                                               bytes(belongs_to), belongs_to.size(), nullptr, bytes(sealed),
                                               bytes(m_key));
  return to_hex(sealed);
}

std::string Secrets::unseal(std::string_view sealed_hex, std::string_view belongs_to) const {
  const std::string sealed = from_hex(sealed_hex);
  std::string secret;
  if (sealed.size() >= nonce_size + tag_size) {
    secret.resize(sealed.size() - nonce_size - tag_size);
    if (::crypto_aead_xchacha20poly1305_ietf_decrypt(bytes(secret), nullptr, nullptr, bytes(sealed) + nonce_size,
                                                     sealed.size() - nonce_size, bytes(belongs_to), belongs_to.size(),
                                                     bytes(sealed), bytes(m_key)) == 0) {
      return secret;
    }
  }
  throw Error(ErrorCode::environment, "the stored password cannot be decrypted",
              "The key file is not the one it was encrypted with: put that back, or name it in BPG_KEY_FILE.");
}

std::string random_password() {
  return random_text(24, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
}

}  // namespace bpg::engine
