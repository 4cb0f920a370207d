using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Microsoft.ML.Sla.Native;

/// <summary>Until it is disposed, the large blocks of torch's tensors come from a <see cref="BlockCache"/>, on Linux on x64.</summary>
/// <remarks>
/// libtorch lets a program set the allocator of tensors (<c>c10::SetCPUAllocator</c>), a C++ object with virtual functions. This class
/// builds one from function pointers by the Itanium C++ ABI. It first checks its assumptions on the original allocator; if one fails,
/// torch's own allocator stays in use. torch's own allocator also serves blocks that malloc serves without the system, and blocks for
/// which the system has no memory. In the latter case it throws a C++ exception, which must not pass through .NET.
/// </remarks>
internal sealed unsafe partial class TensorMemory : IDisposable
{
    /// <summary>The size from which glibc's malloc asks the system for each block, by default (M_MMAP_THRESHOLD).</summary>
    private const int SmallestBlock = 128 << 10;

    private static readonly BlockCache Cache = new();
    private static readonly Lock Gate = new();
    private static int _users;
    private static bool? _isSupported;
    private static Allocator* _original;
    private static Allocator* _caching;
    private static Deleter _originalDeleter;
    private static short _device;

    private bool _isOpen;

    private TensorMemory() => _isOpen = true;

    /// <summary>Starts keeping blocks; null if that is not supported.</summary>
    /// <remarks>Call it after <see cref="TorchLibrary.EnsureLoaded"/>.</remarks>
    public static TensorMemory? Keep()
    {
        if (!MachineCode.IsSupported)
            return null;

        lock (Gate)
        {
            if (!(_isSupported ??= Prepare()))
                return null;

            if (_users++ == 0)
            {
                Cache.Open();
                SetAllocator(_caching, priority: 0);
            }
        }

        return new TensorMemory();
    }

    /// <summary>Returns the blocks that no tensor uses to the system. Tensors that still exist keep theirs.</summary>
    public void Dispose()
    {
        lock (Gate)
        {
            if (!_isOpen)
                return;

            _isOpen = false;
            if (--_users == 0)
            {
                SetAllocator(_original, priority: 0);
                Cache.Close();
            }
        }
    }

    [SupportedOSPlatform("linux")]
    private static bool Prepare()
    {
        try
        {
            _original = GetAllocator();
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return false;
        }

        if (!IsAsExpected(_original))
            return false;

        void* allocate = MachineCode.Load(AllocateCode());
        if (allocate is null)
            return false;

        // They stay valid as long as the process, because a tensor may be freed at any time.
        _originalDeleter = _original->Functions->RawDeleter(_original);
        var functions = (Functions*)NativeMemory.Alloc((nuint)sizeof(Functions));
        *functions = *_original->Functions;
        functions->Allocate = (delegate* unmanaged<DataPointer*, Allocator*, nuint, DataPointer*>)allocate;
        functions->RawDeleter = &RawDeleter;
        _caching = (Allocator*)NativeMemory.Alloc((nuint)sizeof(Allocator));
        _caching->Functions = functions;
        return true;
    }

    /// <summary>Whether the original allocator's blocks have the layout that this class assumes, and are freed by the function that they name.</summary>
    private static bool IsAsExpected(Allocator* allocator)
    {
        const nuint Little = 64;
        DataPointer block = default;
        if (allocator->Functions->Allocate(&block, allocator, Little) != &block)
            return false;

        bool isAsExpected = block.Data != null
            && block.Context == block.Data
            && block.Delete.Pointer != null
            && (void*)block.Delete.Pointer == (void*)allocator->Functions->RawDeleter(allocator).Pointer
            && (block.Device & 0xFF) == 0;
        if (!isAsExpected)
            return false;

        _device = block.Device;
        block.Delete.Pointer(block.Context);
        return true;
    }

    /// <summary>
    /// The function that torch calls. If torch asks for a large block and <see cref="Take"/> has one, the function returns it. Otherwise it jumps
    /// to the original allocator's function, as if torch had called that. An exception thrown there meets no frame of this function or of .NET.
    /// </summary>
    /// <remarks>By the System V ABI: rdi is the result, rsi the allocator, rdx the bytes, and the stack is a multiple of 16 at a call.</remarks>
    [SupportedOSPlatform("linux")]
    private static byte[] AllocateCode()
    {
        delegate* unmanaged<DataPointer*, Allocator*, nuint, DataPointer*> take = &Take;
        return
        [
            0x48, 0x81, 0xFA, .. MachineCode.Bytes(SmallestBlock), // cmp rdx, SmallestBlock
            0x72, 30, // jb original
            0x57, // push rdi
            0x52, // push rdx
            0x48, 0x83, 0xEC, 8, // sub rsp, 8
            0x48, 0xB8, .. MachineCode.Bytes(take), // mov rax, Take
            0xFF, 0xD0, // call rax
            0x48, 0x83, 0xC4, 8, // add rsp, 8
            0x5A, // pop rdx
            0x5F, // pop rdi
            0x48, 0x85, 0xC0, // test rax, rax
            0x74, 1, // jz original
            0xC3, // ret
            0x48, 0xBE, .. MachineCode.Bytes(_original), // original: mov rsi, _original
            0x48, 0xB8, .. MachineCode.Bytes(_original->Functions->Allocate), // mov rax, Allocate
            0xFF, 0xE0, // jmp rax
        ];
    }

    /// <returns>The result with a block; null if there is none.</returns>
    [UnmanagedCallersOnly]
    private static DataPointer* Take(DataPointer* result, Allocator* self, nuint bytes)
    {
        try
        {
            void* block = Cache.Take(bytes);
            if (block is null)
                return null;

            *result = new DataPointer { Data = block, Context = block, Delete = new Deleter { Pointer = &Delete }, Device = _device };
            return result;
        }
        catch (Exception exception)
        {
            Contain(exception);
            return null;
        }
    }

    [UnmanagedCallersOnly]
    private static Deleter RawDeleter(Allocator* self) => new() { Pointer = &Delete };

    [UnmanagedCallersOnly]
    private static void Delete(void* block)
    {
        try
        {
            if (!Cache.Return(block))
                _originalDeleter.Pointer(block);
        }
        catch (Exception exception)
        {
            Contain(exception);
        }
    }

    /// <summary>
    /// Stops an exception, which would end the process if it reached native code. An interruption by Thread.Interrupt is raised again at the
    /// next wait.
    /// </summary>
    private static void Contain(Exception exception)
    {
        if (exception is ThreadInterruptedException)
            Thread.CurrentThread.Interrupt();
    }

    [LibraryImport("libc10.so", EntryPoint = "_ZN3c1015GetCPUAllocatorEv")]
    private static partial Allocator* GetAllocator();

    [LibraryImport("libc10.so", EntryPoint = "_ZN3c1015SetCPUAllocatorEPNS_9AllocatorEh")]
    private static partial void SetAllocator(Allocator* allocator, byte priority);

    /// <summary>c10::Allocator.</summary>
    private struct Allocator
    {
        public Functions* Functions;
    }

    /// <summary>
    /// The virtual functions of c10::Allocator, in the order of c10/core/Allocator.h: two destructors, allocate,
    /// is_simple_data_ptr, raw_deleter, copy_data.
    /// </summary>
    [StructLayout(LayoutKind.Explicit, Size = 6 * PointerSize)]
    private struct Functions
    {
        private const int PointerSize = 8;

        [FieldOffset(2 * PointerSize)]
        public delegate* unmanaged<DataPointer*, Allocator*, nuint, DataPointer*> Allocate;

        [FieldOffset(4 * PointerSize)]
        public delegate* unmanaged<Allocator*, Deleter> RawDeleter;
    }

    /// <summary>
    /// c10::DataPtr: the address, a std::unique_ptr with its deleter in front, and the device, which has a byte for the type (0 for the CPU) and a
    /// byte for the index.
    /// </summary>
    private struct DataPointer
    {
        public void* Data;
        public Deleter Delete;
        public void* Context;
        public short Device;
    }

    /// <summary>c10::DeleterFnPtr.</summary>
    private struct Deleter
    {
        public delegate* unmanaged<void*, void> Pointer;
    }
}
