# What `cmake --install` lays down: the program, both libraries, the public headers, a CMake package and a pkg-config file.
# Mbed TLS built by us goes along as a private archive, for the static library only: the shared one has it inside.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/postern)
set(private_dir ${CMAKE_INSTALL_LIBDIR}/postern)

if(TARGET postern)
    install(TARGETS postern RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(TARGETS postern_static postern_shared EXPORT postern
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS postern_mbedtls EXPORT postern ARCHIVE DESTINATION ${private_dir})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/postern DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

install(EXPORT postern NAMESPACE postern:: FILE postern-targets.cmake DESTINATION ${package_dir})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/postern-config.cmake.in
    ${CMAKE_CURRENT_BINARY_DIR}/postern-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/postern-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/postern-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/postern-config-version.cmake
        DESTINATION ${package_dir})

# pkg-config. The prefix is found from where the file lies, so an installed tree can be moved.
get_target_property(mbedtls_type postern_mbedtls TYPE)
if(mbedtls_type STREQUAL "STATIC_LIBRARY")
    set(POSTERN_PC_PRIVATE "-L\${libdir}/postern -lpostern_mbedtls")
    foreach(library IN LISTS POSTERN_ACCEL_LIBS)
        string(APPEND POSTERN_PC_PRIVATE " -l${library}")
    endforeach()
else()
    set(POSTERN_PC_PRIVATE "-lmbedtls -lmbedx509 -lmbedcrypto")
endif()
set(pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX}/${pc_dir}
           OUTPUT_VARIABLE POSTERN_PC_PREFIX)
configure_file(${CMAKE_CURRENT_LIST_DIR}/postern.pc.in ${CMAKE_CURRENT_BINARY_DIR}/postern.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/postern.pc DESTINATION ${pc_dir})
