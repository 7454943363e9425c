# Replace parts of Mbed TLS by faster code from libraries (src/accel), through Mbed TLS's own *_ALT macros, which
# src/transport/mbedtls_config.h sets as the definitions POSTERN_ACCEL_* say. It takes an Mbed TLS that is compiled here, and
# x86-64: the stock code stays in as well, for processors without the instructions. Each hook stands alone:
#
#   hook       library      macro
#   sha256     nettle       MBEDTLS_SHA256_ALT
#
# After this POSTERN_ACCEL_LIBS names what consumers of the static library must link with.

set(POSTERN_ACCEL auto CACHE STRING "Faster cryptography from libraries: auto (where possible), on (or fail) or off")
set_property(CACHE POSTERN_ACCEL PROPERTY STRINGS auto on off)

set(nettle_min 3.8)
set(nettle_end 4.0) # sha256_digest() takes other arguments there

# Each of these says in RET_WHY why its library cannot be used; "" if it can.
function(postern_accel_find_nettle ret_why)
    find_path(POSTERN_NETTLE_INCLUDE nettle/version.h)
    find_library(POSTERN_NETTLE_LIB nettle)
    mark_as_advanced(POSTERN_NETTLE_INCLUDE POSTERN_NETTLE_LIB)
    set(why "nettle ${nettle_min} or newer, below ${nettle_end}, is missing: scripts/deps.sh build brings it")
    if(POSTERN_NETTLE_LIB AND EXISTS ${POSTERN_NETTLE_INCLUDE}/nettle/version.h)
        file(STRINGS ${POSTERN_NETTLE_INCLUDE}/nettle/version.h lines REGEX "^#define NETTLE_VERSION_(MAJOR|MINOR)")
        string(REGEX REPLACE "[^0-9;]" "" numbers "${lines}")
        list(JOIN numbers "." version)
        set(why "nettle ${version} is not in ${nettle_min}...<${nettle_end}")
        if(version VERSION_GREATER_EQUAL nettle_min AND version VERSION_LESS nettle_end)
            set(why "")
        endif()
    endif()
    # A nettle may be built without the choice at run time ("fat"): it is then no faster than the stock code.
    if(NOT why)
        include(CheckCSourceCompiles)
        set(CMAKE_REQUIRED_LIBRARIES ${POSTERN_NETTLE_LIB})
        foreach(name IN ITEMS _nettle_sha256_compress_sha_ni _nettle_sha256_compress_n_sha_ni) # of 3.8, of 3.9
            check_c_source_compiles("void ${name}(void);\nint main(void) { ${name}(); return 0; }\n" POSTERN_HAS${name})
        endforeach()
        if(NOT POSTERN_HAS_nettle_sha256_compress_sha_ni AND NOT POSTERN_HAS_nettle_sha256_compress_n_sha_ni)
            set(why "nettle ${version} was built without the choice of SHA instructions at run time")
        endif()
    endif()
    set(${ret_why} "${why}" PARENT_SCOPE)
endfunction()

# Compiles a hook into Mbed TLS. LIBRARY is linked by name, so that an installed tree does not depend on where it lies here.
function(postern_accel_add hook library library_path include)
    if(NOT TARGET postern_accel)
        add_library(postern_accel OBJECT src/accel/accel.c src/accel/cpu.c)
        target_link_libraries(postern_accel PRIVATE postern_warnings)
        # It sees Mbed TLS as Mbed TLS sees itself: its objects go into the same archive.
        target_compile_definitions(postern_accel PRIVATE $<TARGET_PROPERTY:postern_mbedtls,INTERFACE_COMPILE_DEFINITIONS>)
        target_include_directories(postern_accel SYSTEM PRIVATE ${mbedtls_dir}/include ${mbedtls_dir}/library)
        target_include_directories(postern_accel PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/src/accel)
        target_compile_options(postern_accel PRIVATE $<$<CONFIG:Debug>:-O2>)
        target_sources(postern_mbedtls PRIVATE $<TARGET_OBJECTS:postern_accel>)
        target_compile_definitions(postern_mbedtls PUBLIC $<BUILD_INTERFACE:POSTERN_HAS_ACCEL=1>)
        target_include_directories(postern_mbedtls PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src/accel>)
    endif()
    string(TOUPPER ${hook} macro)
    target_sources(postern_accel PRIVATE src/accel/${hook}_alt.c src/accel/${hook}_stock.c)
    target_include_directories(postern_accel SYSTEM PRIVATE ${include})
    target_compile_definitions(postern_mbedtls PUBLIC $<BUILD_INTERFACE:POSTERN_ACCEL_${macro}=1>)
    cmake_path(GET library_path PARENT_PATH library_dir)
    target_link_directories(postern_mbedtls PRIVATE $<BUILD_INTERFACE:${library_dir}>)
    target_link_libraries(postern_mbedtls PRIVATE ${library})
endfunction()

string(TOLOWER "${POSTERN_ACCEL}" accel_mode)
if(NOT accel_mode MATCHES "^(auto|on|off)$")
    message(FATAL_ERROR "POSTERN_ACCEL=${POSTERN_ACCEL}: it is auto, on or off")
endif()

set(POSTERN_ACCEL_LIBS)
set(accel_on)
set(accel_why)
if(accel_mode STREQUAL "off")
    set(accel_why "POSTERN_ACCEL=off")
elseif(NOT mbedtls_dir)
    set(accel_why "the system's Mbed TLS is used as it is (-DPOSTERN_USE_SYSTEM_MBEDTLS=OFF builds one)")
elseif(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$" OR NOT CMAKE_SIZEOF_VOID_P EQUAL 8)
    set(accel_why "this is not x86-64")
else()
    postern_accel_find_nettle(why)
    if(why)
        list(APPEND accel_why "${why}")
    else()
        postern_accel_add(sha256 nettle ${POSTERN_NETTLE_LIB} ${POSTERN_NETTLE_INCLUDE})
        list(APPEND POSTERN_ACCEL_LIBS nettle)
        list(APPEND accel_on "SHA-256 (nettle)")
    endif()
endif()

list(JOIN accel_on ", " accel_on)
list(JOIN accel_why "; " accel_why)
if(accel_why AND accel_mode STREQUAL "on")
    message(FATAL_ERROR "POSTERN_ACCEL=on cannot be had: ${accel_why}")
endif()
if(accel_on)
    message(STATUS "postern: accelerated: ${accel_on}")
endif()
if(accel_why)
    message(STATUS "postern: not accelerated: ${accel_why}")
endif()
