# Find Mbed TLS, at least 3.6.6 and below 4, and make the target postern_mbedtls of it. In this order:
#   1. -DPOSTERN_MBEDTLS_SOURCE_DIR=FOLDER: sources that you unpacked yourself;
#   2. the system's library, where it is new enough and has what postern needs;
#   3. build/deps/mbedtls-VERSION, where scripts/get-mbedtls.sh puts Debian's copy of the release;
#   4. the project's release page, on systems without apt (or with -DPOSTERN_MBEDTLS_DOWNLOAD=ON).
# From sources it is compiled here with our own configuration, not by its own CMake files, which override our flags.

set(mbedtls_min 3.6.6)
set(mbedtls_end 4.0.0)
set(mbedtls_pinned 3.6.6)
set(mbedtls_pinned_sha256 8fb65fae8dcae5840f793c0a334860a411f884cc537ea290ce1c52bb64ca007a)

find_program(POSTERN_APT_GET apt-get)
mark_as_advanced(POSTERN_APT_GET)
set(download_default OFF)
if(NOT POSTERN_APT_GET)
    set(download_default ON)
endif()
set(POSTERN_MBEDTLS_SOURCE_DIR "$ENV{POSTERN_MBEDTLS_SOURCE_DIR}" CACHE PATH "Unpacked Mbed TLS 3.6 sources to build with")
option(POSTERN_USE_SYSTEM_MBEDTLS "Use the system's Mbed TLS where it qualifies" ON)
option(POSTERN_MBEDTLS_DOWNLOAD "Fetch the Mbed TLS release from its project's page if it is nowhere else" ${download_default})

# The version that the headers under DIR declare, or "" if they are not there.
function(postern_mbedtls_version dir ret_version)
    set(${ret_version} "" PARENT_SCOPE)
    if(EXISTS ${dir}/mbedtls/build_info.h)
        file(STRINGS ${dir}/mbedtls/build_info.h line REGEX "define MBEDTLS_VERSION_STRING +\"")
        if(line MATCHES "\"([0-9.]+)\"")
            set(${ret_version} ${CMAKE_MATCH_1} PARENT_SCOPE)
        endif()
    endif()
endfunction()

function(postern_mbedtls_qualifies version ret_yes)
    if(version AND version VERSION_GREATER_EQUAL mbedtls_min AND version VERSION_LESS mbedtls_end)
        set(${ret_yes} TRUE PARENT_SCOPE)
    else()
        set(${ret_yes} FALSE PARENT_SCOPE)
    endif()
endfunction()

# System: version and features both count. A library without threading must not be used by our workers.
function(postern_system_mbedtls)
    find_path(POSTERN_MBEDTLS_INCLUDE mbedtls/build_info.h)
    find_library(POSTERN_MBEDTLS_LIB_TLS mbedtls)
    find_library(POSTERN_MBEDTLS_LIB_X509 mbedx509)
    find_library(POSTERN_MBEDTLS_LIB_CRYPTO mbedcrypto)
    mark_as_advanced(POSTERN_MBEDTLS_INCLUDE POSTERN_MBEDTLS_LIB_TLS POSTERN_MBEDTLS_LIB_X509 POSTERN_MBEDTLS_LIB_CRYPTO)
    if(NOT (POSTERN_MBEDTLS_INCLUDE AND POSTERN_MBEDTLS_LIB_TLS AND POSTERN_MBEDTLS_LIB_X509 AND POSTERN_MBEDTLS_LIB_CRYPTO))
        return()
    endif()
    postern_mbedtls_version(${POSTERN_MBEDTLS_INCLUDE} version)
    postern_mbedtls_qualifies("${version}" yes)
    if(NOT yes)
        message(STATUS "postern: the system's Mbed TLS (${version}) is not in ${mbedtls_min}...<${mbedtls_end}")
        return()
    endif()
    include(CheckCSourceCompiles)
    set(CMAKE_REQUIRED_INCLUDES ${POSTERN_MBEDTLS_INCLUDE})
    set(CMAKE_REQUIRED_LIBRARIES ${POSTERN_MBEDTLS_LIB_TLS} ${POSTERN_MBEDTLS_LIB_X509} ${POSTERN_MBEDTLS_LIB_CRYPTO})
    set(program "#include <mbedtls/ssl.h>\n")
    foreach(feature IN ITEMS THREADING_C PLATFORM_C FS_IO PEM_PARSE_C PSA_CRYPTO_C SSL_SRV_C SSL_PROTO_TLS1_2
                             SSL_PROTO_TLS1_3 SSL_ALPN SSL_SERVER_NAME_INDICATION SSL_SESSION_TICKETS SSL_TICKET_C)
        string(APPEND program "#ifndef MBEDTLS_${feature}\n#error lacks ${feature}\n#endif\n")
    endforeach()
    string(APPEND program "int main(void) { mbedtls_ssl_context ssl; mbedtls_ssl_init(&ssl); return 0; }\n")
    check_c_source_compiles("${program}" POSTERN_SYSTEM_MBEDTLS_FEATURES)
    if(NOT POSTERN_SYSTEM_MBEDTLS_FEATURES)
        message(STATUS "postern: the system's Mbed TLS ${version} lacks threading or a TLS feature that postern needs")
        return()
    endif()
    add_library(postern_mbedtls INTERFACE)
    target_include_directories(postern_mbedtls SYSTEM INTERFACE ${POSTERN_MBEDTLS_INCLUDE})
    target_compile_definitions(postern_mbedtls INTERFACE POSTERN_SYSTEM_MBEDTLS=1)
    target_link_libraries(postern_mbedtls INTERFACE
        ${POSTERN_MBEDTLS_LIB_TLS} ${POSTERN_MBEDTLS_LIB_X509} ${POSTERN_MBEDTLS_LIB_CRYPTO})
    set(POSTERN_MBEDTLS_VERSION ${version} PARENT_SCOPE)
    set(POSTERN_MBEDTLS_FROM system PARENT_SCOPE)
    set(POSTERN_MBEDTLS_INCLUDES ${POSTERN_MBEDTLS_INCLUDE} PARENT_SCOPE)
endfunction()

# Sources: one static archive that ends up inside libpostern.so, hidden.
function(postern_build_mbedtls dir)
    file(GLOB sources ${dir}/library/*.c)
    add_library(postern_mbedtls STATIC ${sources})
    # The configuration is named relative to src/, so that no path of this machine gets into the objects.
    target_compile_definitions(postern_mbedtls PUBLIC
        $<BUILD_INTERFACE:MBEDTLS_CONFIG_FILE="transport/mbedtls_config.h"> $<BUILD_INTERFACE:POSTERN_OWN_MBEDTLS=1>)
    target_include_directories(postern_mbedtls SYSTEM PUBLIC $<BUILD_INTERFACE:${dir}/include>)
    target_include_directories(postern_mbedtls PRIVATE ${dir}/library PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>)
    # Not our code to mend: its warnings are for its own project. Debug builds still want fast cryptography.
    # Never optimized across files: constant-time code keeps the boundaries that its authors reckoned with, and inlining it
    # into ours makes the compiler warn of what is no fault there.
    target_compile_options(postern_mbedtls PRIVATE -w $<$<CONFIG:Debug>:-O2>)
    # Every processor with AES-NI, which this file asks for before it is used, has SSSE3: bytes are then reversed by one
    # instruction instead of forty, for each 16 bytes of GCM.
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
        set_source_files_properties(${dir}/library/aesni.c PROPERTIES COMPILE_OPTIONS -mssse3)
    endif()
endfunction()

function(postern_download_mbedtls)
    set(name mbedtls-${mbedtls_pinned})
    set(deps ${PROJECT_SOURCE_DIR}/build/deps)
    message(STATUS "postern: fetching ${name} from its release page")
    file(DOWNLOAD https://github.com/Mbed-TLS/mbedtls/releases/download/${name}/${name}.tar.bz2
         ${deps}/${name}.tar.bz2 STATUS status TLS_VERIFY ON)
    list(GET status 0 code)
    if(code EQUAL 0)
        file(SHA256 ${deps}/${name}.tar.bz2 got)
        if(got STREQUAL mbedtls_pinned_sha256)
            file(ARCHIVE_EXTRACT INPUT ${deps}/${name}.tar.bz2 DESTINATION ${deps}/.unpack)
            file(RENAME ${deps}/.unpack/${name} ${deps}/${name})
            file(REMOVE_RECURSE ${deps}/.unpack)
        else()
            message(WARNING "postern: what came is not the pinned Mbed TLS release (SHA-256 ${got})")
        endif()
    else()
        message(STATUS "postern: that failed: ${status}")
    endif()
    file(REMOVE ${deps}/${name}.tar.bz2)
endfunction()

# The newest qualifying folder under build/deps.
macro(postern_find_brought)
    file(GLOB candidates ${PROJECT_SOURCE_DIR}/build/deps/mbedtls-3.*)
    list(SORT candidates COMPARE NATURAL ORDER DESCENDING)
    foreach(candidate IN LISTS candidates)
        postern_mbedtls_version(${candidate}/include version)
        postern_mbedtls_qualifies("${version}" yes)
        if(yes AND NOT mbedtls_dir)
            set(mbedtls_dir ${candidate})
            set(POSTERN_MBEDTLS_VERSION ${version})
            set(POSTERN_MBEDTLS_FROM ${candidate})
        endif()
    endforeach()
endmacro()

set(mbedtls_dir)
set(POSTERN_MBEDTLS_VERSION)
set(POSTERN_MBEDTLS_FROM)
if(POSTERN_MBEDTLS_SOURCE_DIR)
    cmake_path(ABSOLUTE_PATH POSTERN_MBEDTLS_SOURCE_DIR NORMALIZE OUTPUT_VARIABLE mbedtls_dir)
    postern_mbedtls_version(${mbedtls_dir}/include POSTERN_MBEDTLS_VERSION)
    postern_mbedtls_qualifies("${POSTERN_MBEDTLS_VERSION}" yes)
    if(NOT yes)
        message(FATAL_ERROR "POSTERN_MBEDTLS_SOURCE_DIR=${mbedtls_dir} must hold the sources of Mbed TLS "
                            "${mbedtls_min} or newer, below ${mbedtls_end}; found: '${POSTERN_MBEDTLS_VERSION}'")
    endif()
    set(POSTERN_MBEDTLS_FROM ${mbedtls_dir})
else()
    # Sanitizers must see Mbed TLS too, so instrumented builds compile it.
    if(POSTERN_USE_SYSTEM_MBEDTLS AND NOT POSTERN_SANITIZE)
        postern_system_mbedtls()
    endif()
    if(NOT TARGET postern_mbedtls)
        postern_find_brought()
        if(NOT mbedtls_dir AND POSTERN_MBEDTLS_DOWNLOAD)
            postern_download_mbedtls()
            postern_find_brought()
        endif()
    endif()
endif()

if(mbedtls_dir)
    if(NOT EXISTS ${mbedtls_dir}/library/error.c)
        message(FATAL_ERROR "${mbedtls_dir} lacks generated files (library/error.c): take the release archive, "
                            "not a checkout")
    endif()
    postern_build_mbedtls(${mbedtls_dir})
    set(POSTERN_MBEDTLS_INCLUDES ${mbedtls_dir}/include)
elseif(NOT TARGET postern_mbedtls)
    message(FATAL_ERROR "postern needs Mbed TLS ${mbedtls_min} or newer, below ${mbedtls_end}. To bring it, run:\n"
                        "    scripts/get-mbedtls.sh\n"
                        "or name its unpacked sources: -DPOSTERN_MBEDTLS_SOURCE_DIR=FOLDER")
endif()
message(STATUS "postern: Mbed TLS ${POSTERN_MBEDTLS_VERSION} (${POSTERN_MBEDTLS_FROM})")
